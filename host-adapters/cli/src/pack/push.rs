//! `callprint pack push`: a pack to where it is fetched from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use callprint_plugin::pack::Pack;
use serde_json::Value;

use super::{file, keys, oci, schema, source};

/// Put a signed pack to where `callprint pack fetch` reads it: into a folder, which a web server may
/// serve, or into an OCI registry. Versions that are there stay.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// The folder, or oci://HOST/NAME of a registry; the pack gets one of its own in it, called as
    /// its id. Logins are those of `docker login`, `podman login` or `oras login`.
    #[arg(long, value_name = "FOLDER|oci://HOST/NAME")]
    to: String,
    /// Push it without a signature.
    #[arg(long)]
    allow_unsigned: bool,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let name = args.pack.display();
    let bytes = file::bytes(&args.pack)?;
    let pack = file::parse(&args.pack, &bytes)?;
    let complaints = schema::check(&serde_json::from_slice::<Value>(&bytes)?);
    ensure!(complaints.is_empty(), "{name}: {}", complaints.join("; "));
    ensure!(
        file::numbers(&pack.version).is_some(),
        "{name}: its version {:?} is not of three numbers, which fetch compares",
        pack.version
    );
    let signature = keys::signature(&args.pack)?;
    ensure!(
        signature.is_some() || args.allow_unsigned,
        "{name}: it is not signed; sign it with `callprint pack sign`, or pass --allow-unsigned"
    );
    let signature = signature.as_deref();
    let target = if args.to.starts_with(oci::SCHEME) {
        let place = format!("{}/{}", args.to.trim_end_matches('/'), pack.id);
        oci::push(&place, &pack, &bytes, signature)?;
        place
    } else {
        into_folder(Path::new(&args.to), &pack, &bytes, signature)?
    };
    if !quiet {
        eprintln!("{target}: {} {}", pack.id, pack.version);
    }
    Ok(())
}

/// Where it is now.
fn into_folder(to: &Path, pack: &Pack, bytes: &[u8], signature: Option<&[u8]>) -> Result<String> {
    let folder = to.join(&pack.id);
    let target = folder.join(format!("{}.json", pack.version));
    let there = target.exists().then(|| file::bytes(&target)).transpose()?;
    if there.is_some_and(|there| there != bytes) {
        bail!(
            "{}: version {} is there with other content, and a version never changes; give the pack \
             a higher one",
            target.display(),
            pack.version
        );
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))?;
    if let Some(text) = signature {
        file::replace(&file::signature_of(&target), 0o644, |w| Ok(w.write_all(text)?))?;
    }
    file::replace(&target, 0o644, |w| Ok(w.write_all(bytes)?))?;
    // Last: who reads it finds all it leads to.
    let latest = folder.join(source::LATEST);
    file::replace(&latest, 0o644, |w| Ok(writeln!(w, "{}", pack.version)?))?;
    Ok(target.display().to_string())
}
