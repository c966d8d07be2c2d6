//! Packs on their way from a vendor to a host: by folders, web servers and
//! registries.

#[path = "../common/mod.rs"]
mod common;
mod registry;
mod web;

use std::fs;

use common::{Desk, vendor_pack};
use registry::{Login, Registry};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use web::serve;

#[test]
fn packs_are_fetched_updated_and_rolled_back() {
    let desk = Desk::new();
    vendor_pack(&desk);
    desk.ok("pack keygen us");
    desk.fails("pack push p.json --to shop", &["not signed"]);
    let push = |version: &str| {
        desk.ok(&format!("pack set p.json version={version}"));
        desk.ok("pack sign --key us.key p.json");
        desk.ok("pack push p.json --to shop");
    };
    push("1.0.0");
    let fetch = "pack fetch shop/p --into packs --keys us.pub";
    let version = || desk.json("packs/p/current/pack.json")["version"].as_str().unwrap().to_owned();
    desk.ok(fetch);
    assert_eq!(version(), "1.0.0");
    desk.ok("pack verify --keys us.pub packs/p/current/pack.json");
    desk.ok("bake --keys us.pub --pack packs/p/current/pack.json --out a.cwasm");
    desk.fails("pack rollback packs/p", &["no version to go back to"]);
    push("1.1.0");
    desk.ok(fetch);
    desk.ok(fetch);
    assert_eq!(version(), "1.1.0");
    desk.ok("pack rollback packs/p");
    assert_eq!(version(), "1.0.0");
    desk.fails(fetch, &["1.1.0", "rolled back"]);
    push("1.2.0");
    desk.ok(fetch);
    assert_eq!(version(), "1.2.0");

    // Whatever is wrong, what is there stays.
    let refused = |words: &[&str]| {
        desk.fails(fetch, words);
        assert_eq!(version(), "1.2.0");
        let entries = fs::read_dir(desk.path("packs")).unwrap().count();
        assert_eq!(entries, 1, "something was left in packs");
    };
    desk.put("shop/p/latest", "1.0.0\n");
    refused(&["1.0.0 is lower than 1.2.0"]);
    desk.put("shop/p/latest", "../../../etc\n");
    refused(&["no version"]);
    desk.put("shop/p/latest", "9.0.0\n");
    refused(&["9.0.0.json", "not there"]);
    // Another version's file under a higher number: well signed, but not that version.
    for ending in ["json", "json.minisig"] {
        fs::copy(
            desk.path(&format!("shop/p/1.0.0.{ending}")),
            desk.path(&format!("shop/p/9.0.0.{ending}")),
        )
        .unwrap();
    }
    refused(&["9.0.0", "\"1.0.0\""]);
    let mut pack = fs::read(desk.path("shop/p/1.2.0.json")).unwrap();
    pack[100] ^= 1;
    desk.put("shop/p/1.2.0.json", pack);
    desk.put("shop/p/latest", "1.2.0\n");
    refused(&["changed"]);
    fs::remove_file(desk.path("shop/p/1.2.0.json.minisig")).unwrap();
    refused(&["not signed"]);
    desk.fails("pack push p.json --to shop", &["1.2.0", "never changes"]);
    desk.fails("pack fetch nowhere/p --into packs --keys us.pub", &["nowhere/p/latest"]);
    desk.fails("pack fetch shop/p --into packs", &["--keys"]);
}

#[test]
fn packs_are_fetched_from_a_web_server() {
    let desk = Desk::new();
    vendor_pack(&desk);
    desk.ok("pack keygen us");
    desk.ok("pack sign --key us.key p.json");
    desk.ok("pack push p.json --to shop");
    let server = serve(desk.path("shop"));
    desk.ok(&format!("pack fetch {server}/p --into packs --keys us.pub"));
    assert_eq!(desk.json("packs/p/current/pack.json"), desk.json("p.json"));
    desk.fails(
        &format!("pack fetch {server}/q --into packs --keys us.pub"),
        &["q/latest", "not there"],
    );
    desk.fails(
        &format!("pack fetch {server}/p --into other --allow-unsigned"),
        &["https", "--keys"],
    );
    desk.put("shop/p/latest", vec![b'1'; 100_000]);
    desk.fails(&format!("pack fetch {server}/p --into packs --keys us.pub"), &["4096 bytes"]);
    fs::remove_file(desk.path("shop/p/1.0.0.json.minisig")).unwrap();
    desk.put("shop/p/latest", "1.0.0");
    desk.fails(
        &format!("pack fetch {server}/p --into packs --keys us.pub"),
        &["signature", "--keys"],
    );
    desk.fails("pack fetch http://127.0.0.1:1/p --into packs --keys us.pub", &["127.0.0.1:1"]);
    assert!(!desk.path("other/p").exists());
}

fn version(desk: &Desk) -> String {
    desk.json("packs/p/current/pack.json")["version"].as_str().unwrap().to_owned()
}

/// What a vendor and a host do with a registry.
fn distribute(registry: &Registry) {
    let desk = Desk::new();
    let place = format!("oci://{}/vendor", registry.host);
    let (push, fetch) = (
        format!("pack push p.json --to {place}"),
        format!("pack fetch {place}/p --into packs --keys us.pub"),
    );
    let release = |version: &str| {
        desk.ok(&format!("pack set p.json version={version}"));
        desk.ok("pack sign --key us.key p.json");
        desk.ok(&push);
    };
    vendor_pack(&desk);
    desk.ok("pack keygen us");
    desk.ok("pack sign --key us.key p.json");
    let login = format!("docker login {}", registry.host);
    desk.fails(&push, &[&place, &login]);
    desk.put("config.json", registry.logins("vendor:wrong"));
    desk.fails(&push, &[&place, &registry.host]);
    desk.put("config.json", r#"{"auths": {"vendor:geheim": []}}"#);
    let output = desk.run(&push);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("config.json") && !errors.contains("geheim"), "{errors}");
    desk.put("config.json", registry.logins("vendor:geheim"));
    desk.fails(&fetch, &["it is not there"]);
    desk.fails("pack push p.json --to oci://127.0.0.1:1/vendor", &["127.0.0.1:1", "reached"]);

    release("1.0.0");
    if registry.login == Login::Token {
        // Whoever has no login may fetch.
        fs::remove_file(desk.path("config.json")).unwrap();
        desk.ok(&fetch);
        desk.put("config.json", registry.logins("vendor:geheim"));
    }
    desk.ok(&fetch);
    assert_eq!(version(&desk), "1.0.0");
    assert_eq!(
        fs::read(desk.path("packs/p/current/pack.json")).unwrap(),
        fs::read(desk.path("p.json")).unwrap()
    );
    desk.ok("pack verify --keys us.pub packs/p/current/pack.json");
    release("1.1.0");
    desk.ok(&push);
    desk.ok(&fetch);
    assert_eq!(version(&desk), "1.1.0");
    desk.ok("pack rollback packs/p");
    assert_eq!(version(&desk), "1.0.0");
    desk.fails(&fetch, &["1.1.0", "rolled back"]);
    release("1.2.0");
    desk.ok(&fetch);
    assert_eq!(version(&desk), "1.2.0");
    assert_eq!(registry.tags("vendor/p"), ["1.0.0", "1.1.0", "1.2.0", "latest"]);

    desk.ok("pack set p.json vendor=Other");
    desk.ok("pack sign --key us.key p.json");
    desk.fails(&push, &["1.2.0", "never changes"]);
    desk.ok("pack set p.json id=Loans");
    desk.ok("pack sign --key us.key p.json");
    desk.fails(&push, &["vendor/Loans", "lower-case"]);
    desk.ok("pack set p.json id=p");
    // An old version, made the latest again.
    desk.put("p.json", fs::read(desk.path("packs/p/1.0.0/pack.json")).unwrap());
    desk.ok("pack sign --key us.key p.json");
    desk.ok(&push);
    desk.fails(&fetch, &["1.0.0 is lower than 1.2.0"]);
    // A pack that its registry has changed.
    registry.damage_blobs();
    fs::remove_dir_all(desk.path("packs")).unwrap();
    desk.fails(&fetch, &["the registry gave", "sha256:"]);
}

#[test]
fn packs_are_distributed_by_a_registry_with_tokens() {
    if let Some(registry) = Registry::start(Login::Token) {
        distribute(&registry);
    }
}

#[test]
fn packs_are_distributed_by_a_registry_with_passwords() {
    if let Some(registry) = Registry::start(Login::Password) {
        distribute(&registry);
    }
}

#[test]
fn whatever_a_registry_says_is_checked() {
    let desk = Desk::new();
    vendor_pack(&desk);
    desk.ok("pack keygen us");
    desk.ok("pack sign --key us.key p.json");
    let host = serve(desk.path("registry")).replace("http://", "");
    let fetch = format!("pack fetch oci://{host}/vendor/p --into packs --keys us.pub");
    let blob = |content: &[u8]| {
        let hash: String = Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect();
        desk.put(&format!("registry/v2/vendor/p/blobs/sha256:{hash}"), content);
        (format!("sha256:{hash}"), content.len())
    };
    let layer = |file: &str, kind: &str| {
        let (digest, size) = blob(&fs::read(desk.path(file)).unwrap());
        json!({ "mediaType": kind, "digest": digest, "size": size })
    };
    let kind = "application/vnd.callprint.pack.v1";
    let pack = layer("p.json", &format!("{kind}+json"));
    let signature = layer("p.json.minisig", &format!("{kind}.minisig"));
    let good = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": kind,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": "", "size": 2 },
        "layers": [pack, signature],
        "annotations": { "org.opencontainers.image.version": "1.0.0" },
    });
    let offer = |manifest: &[u8]| desk.put("registry/v2/vendor/p/manifests/latest", manifest);
    let refused = |change: &dyn Fn(&mut Value), words: &[&str]| {
        let mut manifest = good.clone();
        change(&mut manifest);
        offer(manifest.to_string().as_bytes());
        desk.fails(&fetch, words);
    };
    let version = |version: &'static str| {
        move |m: &mut Value| m["annotations"]["org.opencontainers.image.version"] = version.into()
    };
    refused(&|m| m["artifactType"] = "application/vnd.example".into(), &["vnd.example"]);
    refused(&|m| m["layers"] = json!([]), &["no layer"]);
    refused(&|m| m["layers"] = json!([pack, pack]), &["several layers"]);
    refused(&|m| m["layers"] = json!([pack]), &["not signed"]);
    refused(&|m| m["layers"][0]["size"] = 1_000_000_000_000u64.into(), &["limit"]);
    refused(&|m| m["layers"][0]["size"] = 100.into(), &["100 bytes"]);
    refused(&|m| m["layers"][0]["digest"] = "sha256:../../x".into(), &["no SHA-256"]);
    refused(&|m| m["layers"][0]["digest"] = "sha256:".repeat(99).into(), &["no SHA-256"]);
    refused(&|m| m["annotations"] = json!({}), &["version of three numbers"]);
    refused(&version("../../etc"), &["version of three numbers"]);
    // Well signed, but not that version.
    refused(&version("9.0.0"), &["9.0.0", "\"1.0.0\""]);
    let nonsense: [&[u8]; 5] = [b"{", b"null", b"\xff", &b"[".repeat(200_000), &[b' '; 300_000]];
    for manifest in nonsense {
        offer(manifest);
        desk.fails(&fetch, &["vendor/p"]);
    }
    let (digest, _) = blob(b"{}");
    let text = good.to_string().replace(pack["digest"].as_str().unwrap(), &digest);
    offer(text.as_bytes());
    desk.fails(&fetch, &["2 bytes"]);
    offer(good.to_string().as_bytes());
    desk.ok(&fetch);
    assert_eq!(desk.json("packs/p/current/pack.json"), desk.json("p.json"));
}
