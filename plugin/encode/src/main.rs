//! `callprint-encode CORE.wasm COMPONENT.wasm`: turns the plugin's core module
//! into a component, and refuses to if that would import anything.

use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [core, component] = &args[..] else { bail!("usage: callprint-encode CORE COMPONENT") };
    let module = fs::read(core).with_context(|| format!("cannot read {core}"))?;
    let bytes = ComponentEncoder::default().module(&module)?.validate(true).encode()?;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            // Parts inside import from one another; the whole is what counts.
            Payload::ComponentImportSection(imports) if depth == 1 => {
                if let Some(import) = imports.into_iter().next() {
                    bail!("the component imports {:?}; it may import nothing", import?.name);
                }
            }
            _ => {}
        }
    }
    ensure!(bytes.len() < 4 << 20, "the component has {} bytes; what has come in?", bytes.len());
    // Under another name first: a build that is interrupted leaves no half file.
    let partial = format!("{component}.partial");
    fs::write(&partial, &bytes).with_context(|| format!("cannot write {partial}"))?;
    fs::rename(&partial, component).with_context(|| format!("cannot write {component}"))
}
