//! Finds the component that the runtime embeds as its own plugin, and tells the linker how
//! libcallprint.so is to be.

use std::{env, fs, path::PathBuf};

use sha2::{Digest, Sha256};

fn main() {
    embed_plugin();
    shape_library();
}

fn embed_plugin() {
    println!("cargo::rerun-if-env-changed=CALLPRINT_PLUGIN");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let built = root.join("../../target/plugin/callprint.wasm");
    let plugin = env::var("CALLPRINT_PLUGIN").map_or(built, PathBuf::from);
    println!("cargo::rerun-if-changed={}", plugin.display());
    let Ok(plugin) = plugin.canonicalize() else {
        println!("cargo::error=no plugin at {}: run `make plugin` first", plugin.display());
        return;
    };
    println!("cargo::rustc-env=CALLPRINT_PLUGIN={}", plugin.display());
    // Every analyzer that is opened is asked for it, and it takes some milliseconds.
    let bytes = fs::read(&plugin).expect("it is there");
    let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    println!("cargo::rustc-env=CALLPRINT_PLUGIN_SHA256={hash}");
}

fn shape_library() {
    for argument in [
        // The number is CALLPRINT_ABI of callprint.h.
        "-Wl,-soname,libcallprint.so.1",
        // rustc passes a version script of its own, which excludes another one; GNU ld (and only
        // it) can version symbols without, by the soname.
        "-fuse-ld=bfd",
        "-Wl,--default-symver",
        // Its threads and signal handlers outlive any unloading.
        "-Wl,-z,nodelete",
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}
