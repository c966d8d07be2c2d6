//! `callprint pack keygen` and `callprint pack sign`.

use std::{fs::File, io::Read, path::PathBuf, time::SystemTime};

use anyhow::{Context, Result, ensure};

use super::{file, minisign::SigningKey, schema};

/// A key's file is two lines.
const KEY_BYTES: usize = 4096;

/// Make a pair of keys: NAME.key to sign with and keep secret, NAME.pub to give to those who use
/// your packs.
#[derive(clap::Args)]
pub struct KeygenArgs {
    /// Where they go, without the endings.
    #[arg(value_name = "NAME")]
    name: PathBuf,
}

pub fn keygen(args: &KeygenArgs, quiet: bool) -> Result<()> {
    let named = |ending: &str| {
        let mut name = args.name.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let (secret, public) = (named(".key"), named(".pub"));
    for path in [&secret, &public] {
        ensure!(
            !path.exists(),
            "{}: it is there already; a key is never overwritten",
            path.display()
        );
    }
    let mut random = [0; 40];
    File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut random))
        .context("/dev/urandom cannot be read")?;
    let key = SigningKey::new(random);
    file::replace(&secret, 0o600, |w| Ok(w.write_all(key.secret_file().as_bytes())?))?;
    file::replace(&public, 0o644, |w| Ok(w.write_all(key.public_file().as_bytes())?))?;
    if !quiet {
        eprintln!("{}, {}: key {}", secret.display(), public.display(), key.id());
    }
    Ok(())
}

/// Sign packs: PACK.json.minisig is written beside each. `minisign -V` checks it too.
#[derive(clap::Args)]
pub struct Args {
    /// A secret key without a password, of `callprint pack keygen` or `minisign -G -W`.
    #[arg(long, value_name = "NAME.key")]
    key: PathBuf,
    /// The packs.
    #[arg(required = true, value_name = "PACK.json")]
    packs: Vec<PathBuf>,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let context = || format!("{}", args.key.display());
    let text = file::bounded(&args.key, KEY_BYTES)?;
    let key = SigningKey::read(&String::from_utf8_lossy(&text)).with_context(context)?;
    for path in &args.packs {
        let bytes = file::bytes(path)?;
        let complaints = schema::check(&file::json(path, &bytes)?);
        let pack = file::parse(path, &bytes)?;
        ensure!(complaints.is_empty(), "{}: {}", path.display(), complaints.join("; "));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let comment =
            format!("timestamp:{}\tpack:{}\tversion:{}", now.as_secs(), pack.id, pack.version);
        let signature = key.sign(&bytes, &comment);
        file::replace(
            &file::signature_of(path),
            0o644,
            |w| Ok(w.write_all(signature.as_bytes())?),
        )?;
        if !quiet {
            eprintln!(
                "{}: {} {} signed by key {}",
                path.display(),
                pack.id,
                pack.version,
                key.id()
            );
        }
    }
    Ok(())
}
