//! A real registry: Debian's docker-registry, on 127.0.0.1.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use tempfile::TempDir;

use crate::web;

/// How it wants to be asked.
#[derive(Clone, Copy, PartialEq)]
pub enum Login {
    /// With tokens of a server, which gives everybody leave to pull.
    Token,
    /// With name and password.
    Password,
}

/// It takes some milliseconds, and on a busy machine a second.
const START_TIME: Duration = Duration::from_secs(60);

/// "geheim", as bcrypt has it.
const USERS: &str = "vendor:$2y$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu\n";

pub struct Registry {
    pub host: String,
    pub login: Login,
    folder: TempDir,
    server: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Registry {
    /// Starts one; none, and it is said, where there is none to be had.
    pub fn start(login: Login) -> Option<Registry> {
        let program = match program() {
            Ok(program) => program,
            Err(why) => {
                callprint_fixtures::skipped("packs in a real registry", &why);
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let auth = match login {
            Login::Password => {
                fs::write(at("users"), USERS).unwrap();
                json!({ "htpasswd": { "realm": "test", "path": at("users") } })
            }
            Login::Token => {
                make_key(folder.path());
                let (key, certificate) =
                    (at("key.pem"), fs::read_to_string(at("cert.pem")).unwrap());
                let realm = web::listen(move |request| give_token(&key, &certificate, &request));
                json!({ "token": {
                    "realm": format!("{realm}/token"), "service": "packs", "issuer": "test",
                    "rootcertbundle": at("cert.pem"),
                } })
            }
        };
        // Free now; nobody else on this machine asks for just that one in the meantime.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        // JSON is YAML.
        let config = json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": at("store") } },
            "http": { "addr": host, "secret": "of this test" },
            "auth": auth,
        });
        fs::write(at("config.yml"), config.to_string()).unwrap();
        let mut server = Command::new(program)
            .arg("serve")
            .arg(at("config.yml"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        let started = SystemTime::now();
        while TcpStream::connect(&host).is_err() {
            let log = || fs::read_to_string(at("log")).unwrap();
            assert!(server.try_wait().unwrap().is_none(), "docker-registry has ended: {}", log());
            assert!(started.elapsed().unwrap() < START_TIME, "docker-registry hangs: {}", log());
            thread::sleep(Duration::from_millis(20));
        }
        Some(Registry { host, login, folder, server })
    }

    /// A file of logins, as `docker login` writes it.
    pub fn logins(&self, login: &str) -> String {
        json!({ "auths": { &self.host: { "auth": STANDARD.encode(login) } } }).to_string()
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store/docker/registry/v2")
    }

    /// The tags of a repository, in order.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let folder = self.store().join(format!("repositories/{repository}/_manifests/tags"));
        let mut tags: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        tags.sort();
        tags
    }

    /// Changes a byte in every blob that is a pack.
    pub fn damage_blobs(&self) {
        let mut damaged = 0;
        for folder in fs::read_dir(self.store().join("blobs/sha256")).unwrap() {
            for blob in fs::read_dir(folder.unwrap().path()).unwrap() {
                let path = blob.unwrap().path().join("data");
                let mut content = fs::read(&path).unwrap();
                if content.windows(8).any(|w| w == b"\"nodes\":") {
                    let middle = content.len() / 2;
                    content[middle] ^= 1;
                    fs::write(path, content).unwrap();
                    damaged += 1;
                }
            }
        }
        assert!(damaged > 0, "there was no pack");
    }
}

/// The server's program: installed, or from its package, unpacked below target.
fn program() -> Result<PathBuf, String> {
    let installed = Path::new("/usr/bin/docker-registry");
    if installed.exists() {
        return Ok(installed.into());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker-registry");
    // Two tests ask for it: one fetches it, the other waits.
    static ONCE: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| if folder.exists() { Ok(()) } else { unpack(&folder) }).clone()?;
    Ok(folder.join("usr/bin/docker-registry"))
}

fn unpack(folder: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = |command: &str| {
        let output = Command::new("sh").args(["-ec", command]).current_dir(&work).output();
        let output = output.map_err(|e| e.to_string())?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(format!("{command}: {errors}")) }
    };
    run("command -v openssl")?;
    run("apt-get -qq download docker-registry")?;
    run("dpkg-deb -x docker-registry_*.deb root && root/usr/bin/docker-registry --version")?;
    fs::rename(work.path().join("root"), folder).map_err(|e| e.to_string())
}

/// What tokens are signed with.
fn make_key(folder: &Path) {
    let args =
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 -keyout key.pem -out cert.pem";
    let output =
        Command::new("openssl").args(args.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}

/// The token server: who has the password may push too.
fn give_token(key: &Path, certificate: &str, request: &web::Request) -> (&'static str, Vec<u8>) {
    let query = request.path().split_once('?').unwrap().1;
    let query = query.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    let scope = query.split('&').find_map(|q| q.strip_prefix("scope=repository:")).unwrap();
    let (name, actions) = scope.split_once(':').unwrap();
    assert!(query.contains("service=packs"), "{query}");
    let vendor = format!("Basic {}", STANDARD.encode("vendor:geheim"));
    let allowed: Vec<&str> = match request.header("authorization") {
        "" => actions.split(',').filter(|a| *a == "pull").collect(),
        login if login == vendor => actions.split(',').collect(),
        _ => return ("401 Unauthorized", Vec::new()),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let der: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let head = json!({ "typ": "JWT", "alg": "RS256", "x5c": [der] });
    let claims = json!({
        "iss": "test", "sub": "", "aud": "packs", "jti": "1",
        "iat": now, "nbf": now - 60, "exp": now + 300,
        "access": [{ "type": "repository", "name": name, "actions": allowed }],
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(openssl.wait_with_output().unwrap().stdout);
    ("200 OK", json!({ "token": format!("{signed}.{signature}") }).to_string().into())
}
