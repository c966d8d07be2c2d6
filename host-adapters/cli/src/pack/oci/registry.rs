//! A repository of a registry, by the distribution specification 1.1.

use anyhow::{Context, Result, bail, ensure};
use ureq::{
    Agent, Body,
    http::{Method, Request, Response, StatusCode, header},
};

use super::{super::http, SCHEME, auth};

/// What is to be done there; who may is the registry's to say.
#[derive(Clone, Copy)]
pub enum Access {
    Pull,
    PullAndPush,
}

/// What a registry says is wrong: a line or two of it.
const REASON_BYTES: usize = 64 << 10;
const REASON_CHARS: usize = 200;

pub struct Registry {
    place: String,
    /// `https://HOST`, of which addresses are made.
    origin: String,
    host: String,
    /// As the registry knows the repository.
    name: String,
    access: Access,
    agent: Agent,
    /// What it was last asked for.
    authorization: Option<String>,
}

impl Registry {
    /// Of a place as `oci://HOST[:PORT]/NAME`. Registries on this machine are spoken to by http, all
    /// others by https.
    pub fn new(place: &str, access: Access) -> Result<Registry> {
        let rest = place.strip_prefix(SCHEME).unwrap_or(place).trim_end_matches('/');
        let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
        let host_chars = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        ensure!(
            !host.is_empty() && host.chars().all(host_chars),
            "{place}: {host:?} is no host; write it as oci://registry.example.com/vendor/pack"
        );
        ensure!(
            !name.is_empty() && name.split('/').all(is_component),
            "{place}: {name:?} is no name in a registry: lower-case letters and digits, with ., _ or - \
             between them, and / between parts; the last part is the pack's id"
        );
        let local = is_local(host);
        Ok(Registry {
            place: place.into(),
            origin: format!("{}://{host}", if local { "http" } else { "https" }),
            host: host.into(),
            name: name.into(),
            access,
            agent: http::agent(!local),
            authorization: None,
        })
    }

    /// The manifest under a tag, if there is one.
    pub fn manifest(&mut self, tag: &str, media_type: &str, max: usize) -> Result<Option<Vec<u8>>> {
        let address = self.address(&format!("manifests/{tag}"));
        let mut answer = self.ask(Method::GET, &address, &[(header::ACCEPT, media_type)], None)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect(&mut answer, StatusCode::OK, "it cannot be fetched")?;
        http::content(&address, &mut answer, max).map(Some)
    }

    /// A blob of so many bytes at most.
    pub fn blob(&mut self, digest: &str, max: usize) -> Result<Vec<u8>> {
        let address = self.address(&format!("blobs/{digest}"));
        let mut answer = self.ask(Method::GET, &address, &[], None)?;
        self.expect(&mut answer, StatusCode::OK, "a layer cannot be fetched")?;
        http::content(&address, &mut answer, max)
    }

    /// Puts a blob there, unless it is.
    pub fn upload(&mut self, digest: &str, content: &[u8]) -> Result<()> {
        let there = self.address(&format!("blobs/{digest}"));
        if self.ask(Method::HEAD, &there, &[], None)?.status() == StatusCode::OK {
            return Ok(());
        }
        let start = self.address("blobs/uploads/");
        let mut answer = self.ask(Method::POST, &start, &[], Some(&[]))?;
        self.expect(&mut answer, StatusCode::ACCEPTED, "it takes no upload")?;
        let location = answer.headers().get(header::LOCATION).and_then(|l| l.to_str().ok());
        let location = location.with_context(|| format!("{start}: it does not say where to"))?;
        let origin = if location.starts_with('/') { &self.origin } else { "" };
        let more = if location.contains('?') { '&' } else { '?' };
        let address = format!("{origin}{location}{more}digest={digest}");
        let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
        let mut answer = self.ask(Method::PUT, &address, &kind, Some(content))?;
        self.expect(&mut answer, StatusCode::CREATED, "a layer was not taken")
    }

    /// Puts a manifest under a tag.
    pub fn tag(&mut self, tag: &str, media_type: &str, manifest: &[u8]) -> Result<()> {
        let address = self.address(&format!("manifests/{tag}"));
        let kind = [(header::CONTENT_TYPE, media_type)];
        let mut answer = self.ask(Method::PUT, &address, &kind, Some(manifest))?;
        self.expect(&mut answer, StatusCode::CREATED, &format!("tag {tag} was not taken"))
    }

    fn address(&self, what: &str) -> String {
        format!("{}/v2/{}/{what}", self.origin, self.name)
    }

    /// Asks, and once more with what the registry wants to be asked with.
    fn ask(
        &mut self,
        method: Method,
        address: &str,
        headers: &[(header::HeaderName, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>> {
        let first = self.ask_once(&method, address, headers, body)?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let challenges = first.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges: Vec<&str> = challenges.iter().filter_map(|c| c.to_str().ok()).collect();
        let scope = match self.access {
            Access::Pull => format!("repository:{}:pull", self.name),
            Access::PullAndPush => format!("repository:{}:pull,push", self.name),
        };
        let authorization = auth::answer(&self.agent, &self.host, &challenges, &scope)
            .with_context(|| self.place.clone())?;
        self.authorization = Some(authorization);
        self.ask_once(&method, address, headers, body)
    }

    fn ask_once(
        &self,
        method: &Method,
        address: &str,
        headers: &[(header::HeaderName, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>> {
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        // What lies elsewhere, as a store for uploads may, has its own way to know us.
        let own = address.strip_prefix(&self.origin).is_some_and(|path| path.starts_with('/'));
        if let Some(authorization) = self.authorization.as_deref().filter(|_| own) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answer = match body {
            None => request.body(()).map(|request| self.agent.run(request)),
            Some(body) => request.body(body).map(|request| self.agent.run(request)),
        };
        let context = || format!("{}: {address} cannot be reached", self.place);
        answer.with_context(context)?.with_context(context)
    }

    /// Refuses an answer of another status than `wanted`, with the registry's reason.
    fn expect(&self, answer: &mut Response<Body>, wanted: StatusCode, what: &str) -> Result<()> {
        let status = answer.status();
        if status == wanted {
            return Ok(());
        }
        let remedy = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "; log in with `docker login {0}`, `podman login {0}` or `oras login {0}`",
                self.host
            ),
            _ => String::new(),
        };
        let body = answer.body_mut().with_config().limit(REASON_BYTES as u64).read_to_vec();
        let reason = String::from_utf8_lossy(&body.unwrap_or_default())
            .chars()
            .take(REASON_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>();
        bail!("{}: {what}: {status} {}{remedy}", self.place, reason.trim())
    }
}

/// Whether nobody else is between us and a host.
pub fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse();
    name == "localhost" || address.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// A part of a repository's name, by the specification.
fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separated = part.split(plain).filter(|s| !s.is_empty());
    let between = |s: &str| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    part.starts_with(plain) && part.ends_with(plain) && separated.into_iter().all(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_registries_take_is_a_place() {
        for place in [
            "oci://registry.example.com/vendor/loans",
            "oci://localhost:5000/a.b__c--d/e",
            "oci://[::1]:5000/x/",
        ] {
            assert!(Registry::new(place, Access::Pull).is_ok(), "{place}");
        }
        for place in [
            "oci://",
            "oci://host",
            "oci://host/",
            "oci://user@host/x",
            "oci://host/Vendor/x",
            "oci://host/a//b",
            "oci://host/../x",
            "oci://host/a._b",
            "oci://host/-a",
            "oci://host/x?y=z",
        ] {
            assert!(Registry::new(place, Access::Pull).is_err(), "{place}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1:5000", "127.0.0.1.example.com", "::2"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
