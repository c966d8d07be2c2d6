//! Finds the component that the runtime embeds as its own plugin.

use std::{env, path::PathBuf};

fn main() {
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
}
