//! What a registry wants to be asked with: a token, or a name and a password.

use std::{collections::BTreeMap, env, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use ureq::{Agent, http::header};

use super::{
    super::{file, http},
    registry::is_local,
};

/// Tokens have a few kilobytes.
const TOKEN_BYTES: usize = 64 << 10;

/// Of many registries, a list of names and passwords.
const LOGINS_BYTES: usize = 1 << 20;

/// What to write into `Authorization`, by what the registry says in `WWW-Authenticate`.
pub fn answer(agent: &Agent, host: &str, challenges: &[&str], scope: &str) -> Result<String> {
    let login = login(host)?;
    for challenge in challenges {
        let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            return token(agent, host, &parameters(rest), scope, login.as_deref());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let login = login.with_context(|| {
                format!(
                    "the registry wants a login; give it with `docker login {host}` or the like"
                )
            })?;
            return Ok(format!("Basic {login}"));
        }
    }
    bail!("the registry wants to know who asks, in no way that callprint knows: {challenges:?}")
}

/// A token of the server that the registry names.
fn token(
    agent: &Agent,
    host: &str,
    parameters: &BTreeMap<String, String>,
    scope: &str,
    login: Option<&str>,
) -> Result<String> {
    let realm = parameters.get("realm").map_or("", String::as_str);
    let server = realm.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    ensure!(
        realm.starts_with("https://") || server.is_some_and(is_local) && is_local(host),
        "the registry has its tokens from {realm:?}, where others could read the login"
    );
    let mut request = agent.get(realm).query("scope", scope);
    if let Some(service) = parameters.get("service") {
        request = request.query("service", service);
    }
    if let Some(login) = login {
        request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
    }
    let mut answer = request.call().with_context(|| format!("{realm} cannot be reached"))?;
    ensure!(
        answer.status().is_success(),
        "{realm} gives no token: {}; is the login for {host} right?",
        answer.status()
    );
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    let content = http::content(realm, &mut answer, TOKEN_BYTES)?;
    let answer: Answer = serde_json::from_slice(&content)
        .map_err(|_| anyhow::anyhow!("{realm} gives no token, but something else"))?;
    let token = answer.token.or(answer.access_token);
    Ok(format!("Bearer {}", token.with_context(|| format!("{realm} gives no token"))?))
}

/// `NAME="VALUE",NAME=VALUE` of a challenge.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        found.insert(name.trim().to_ascii_lowercase(), value.to_owned());
        rest = after.trim_start().trim_start_matches(',');
    }
    found
}

/// Name and password for a registry, as `docker login` and its like keep them: in base64.
fn login(host: &str) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Logins {
        #[serde(default)]
        auths: BTreeMap<String, Login>,
    }
    #[derive(Deserialize)]
    struct Login {
        auth: Option<String>,
    }
    for path in logins() {
        if !path.exists() {
            continue;
        }
        let bytes = file::bounded(&path, LOGINS_BYTES)?;
        // Not the parser's words: they may quote a password.
        let Ok(mut logins) = serde_json::from_slice::<Logins>(&bytes) else {
            bail!("{}: it is no list of logins, as `docker login` writes it", path.display());
        };
        if let Some(login) = logins.auths.remove(host) {
            let plain = login.auth.filter(|auth| BASE64.decode(auth).is_ok());
            return plain.map(Some).with_context(|| {
                format!(
                    "{}: the login for {host} is kept elsewhere, or by a helper program, which \
                 callprint does not ask",
                    path.display()
                )
            });
        }
    }
    Ok(None)
}

/// Where logins are kept, by whom: oras and docker, podman.
fn logins() -> impl Iterator<Item = PathBuf> {
    let below = |variable: &str, path: &str| Some(PathBuf::from(env::var_os(variable)?).join(path));
    [
        env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from),
        below("DOCKER_CONFIG", "config.json"),
        below("HOME", ".docker/config.json"),
        below("XDG_RUNTIME_DIR", "containers/auth.json"),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_taken_apart() {
        let found = parameters(
            r#"realm="https://auth.example.com/token", service=registry,scope="repository:a/b:pull,push""#,
        );
        assert_eq!(found["realm"], "https://auth.example.com/token");
        assert_eq!(found["service"], "registry");
        assert_eq!(found["scope"], "repository:a/b:pull,push");
        assert!(parameters(r#"realm="unfinished"#).contains_key("realm"));
        assert!(parameters("nothing").is_empty());
    }
}
