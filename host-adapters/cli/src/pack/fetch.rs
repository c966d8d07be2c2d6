//! `callprint pack fetch` and `callprint pack rollback`: packs that a host keeps
//! up to date.
//!
//! ```text
//! FOLDER/PACK_ID/VERSION/pack.json, ….minisig
//! FOLDER/PACK_ID/current     link to the version in use; replaced in one step
//! FOLDER/PACK_ID/previous    link to the version before
//! FOLDER/PACK_ID/withdrawn   the version that was rolled back, as text: it is not fetched again
//! ```

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use callprint_plugin::pack::Pack;

use super::{file, keys, source};

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";
const WITHDRAWN: &str = "withdrawn";

/// Bring the latest version of a pack into a folder, if it is signed with a pinned key, has not
/// expired and is not older than what is there. Bake FOLDER/PACK_ID/current/pack.json.
#[derive(clap::Args)]
pub struct Args {
    /// Where `callprint pack push` put it, with the pack's id at its end: a folder, the address of a
    /// web server (https://…), or oci://HOST/NAME of a registry.
    #[arg(value_name = "PLACE/PACK_ID")]
    from: String,
    /// The folder that packs are kept in; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// A public key of minisign, or a folder of them (*.pub).
    #[arg(long, value_name = "KEYS", required_unless_present = "allow_unsigned")]
    keys: Option<PathBuf>,
    /// Take a pack without a signature too; never one whose signature is wrong.
    #[arg(long)]
    allow_unsigned: bool,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let keys = args.keys.as_deref().map(keys::load).transpose()?;
    let offer = source::latest(&args.from)?;
    let name = format!("{}, version {}", args.from, offer.version);
    ensure!(
        offer.signature.is_some() && keys.is_some() || !args.from.starts_with("http://"),
        "{name}: without a signature that is checked, anybody on the way can change it; take it by \
         https, or pin its vendor's key with --keys"
    );
    if let Some(keys) = &keys
        && (offer.signature.is_some() || !args.allow_unsigned)
    {
        keys::check_signature(&name, &offer.pack, offer.signature.as_deref(), keys)?;
    }
    let pack = Pack::read(&offer.pack).with_context(|| name.clone())?;
    let wanted = args.from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    ensure!(
        pack.id == wanted && pack.version == offer.version,
        "{name}: it is {:?} {:?}",
        pack.id,
        pack.version
    );
    keys::check_expiry(&name, &pack)?;
    let home = args.into.join(&pack.id);
    let current = home.join(CURRENT).join("pack.json");
    if current.exists() {
        keys::check_newer(&name, &pack, &file::read(&current)?)?;
    }
    let withdrawn = fs::read_to_string(home.join(WITHDRAWN)).unwrap_or_default();
    if withdrawn.trim() == pack.version {
        bail!("{name}: it was rolled back; a later version is taken when there is one");
    }
    let target = home.join(&pack.version);
    if target.exists() {
        let same = file::bytes(&target.join("pack.json"))? == offer.pack;
        ensure!(same, "{name}: this version is there with other content; ask its vendor");
    } else {
        put(&offer, &target).with_context(|| format!("{}: cannot be made", target.display()))?;
    }
    let news = switch_to(&home, &pack.version)?;
    if !quiet {
        let state = if news { "fetched" } else { "up to date" };
        eprintln!("{}: {} {} {state}", current.display(), pack.id, pack.version);
    }
    Ok(())
}

/// Makes a version's folder, as a whole or not at all.
fn put(offer: &source::Offer, target: &Path) -> Result<()> {
    let home = target.parent().context("a version's folder is in its pack's")?;
    fs::create_dir_all(home)?;
    let incoming = tempfile::Builder::new().prefix(".incoming-").tempdir_in(home)?;
    let path = incoming.path().join("pack.json");
    file::replace(&path, 0o644, |w| Ok(w.write_all(&offer.pack)?))?;
    if let Some(signature) = &offer.signature {
        file::replace(&file::signature_of(&path), 0o644, |w| Ok(w.write_all(signature)?))?;
    }
    fs::set_permissions(incoming.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::rename(incoming.path(), target)?;
    // Its name is another's now.
    let _ = incoming.keep();
    Ok(())
}

/// Makes a version the current one; whether it was not before.
fn switch_to(home: &Path, version: &str) -> Result<bool> {
    let before = fs::read_link(home.join(CURRENT)).ok();
    if before.as_deref() == Some(Path::new(version)) {
        return Ok(false);
    }
    if let Some(before) = before {
        link(home, PREVIOUS, &before)?;
    }
    link(home, CURRENT, Path::new(version))?;
    Ok(true)
}

/// Makes or replaces a link in one step.
fn link(home: &Path, name: &str, to: &Path) -> Result<()> {
    let (new, link) = (home.join(format!(".{name}")), home.join(name));
    let context = || format!("{}: cannot be made", link.display());
    // Left over by a run that was killed.
    let _ = fs::remove_file(&new);
    symlink(to, &new).and_then(|()| fs::rename(&new, &link)).with_context(context)?;
    fs::File::open(home).and_then(|f| f.sync_all()).with_context(context)
}

/// Go back to the version of a pack that was in use before. The one given up is not fetched again.
#[derive(clap::Args)]
pub struct RollbackArgs {
    /// The pack's folder, as fetch made it.
    #[arg(value_name = "FOLDER/PACK_ID")]
    home: PathBuf,
}

pub fn rollback(args: &RollbackArgs, quiet: bool) -> Result<()> {
    let home = &args.home;
    let read = |name: &str| {
        fs::read_link(home.join(name))
            .with_context(|| format!("{}: there is no version to go back to", home.display()))
    };
    let (current, previous) = (read(CURRENT)?, read(PREVIOUS)?);
    ensure!(
        home.join(&previous).join("pack.json").exists(),
        "{}: version {} is not there any more",
        home.display(),
        previous.display()
    );
    let given_up = current.display();
    file::replace(&home.join(WITHDRAWN), 0o644, |w| Ok(writeln!(w, "{given_up}")?))?;
    link(home, CURRENT, &previous)?;
    fs::remove_file(home.join(PREVIOUS))
        .with_context(|| format!("{}: cannot be written", home.display()))?;
    if !quiet {
        eprintln!(
            "{}: {} again; {given_up} is not fetched any more",
            home.display(),
            previous.display()
        );
    }
    Ok(())
}
