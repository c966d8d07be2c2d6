//! `cargo run --manifest-path conformance/hostile/encode/Cargo.toml`: makes guest.wasm of guest.wat.

use std::{error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let mut module = wat::parse_file(format!("{root}/conformance/hostile/guest.wat"))?;
    let mut wit = wit_parser::Resolve::default();
    let (package, _) = wit.push_path(format!("{root}/wit"))?;
    let world = wit.select_world(&[package], Some("analyzer"))?;
    wit_component::embed_component_metadata(&mut module, &wit, world, Default::default())?;
    let mut encoder = wit_component::ComponentEncoder::default().module(&module)?.validate(true);
    fs::write(format!("{root}/conformance/hostile/guest.wasm"), encoder.encode()?)?;
    Ok(())
}
