//! Packs in, one analyzer out.
//!
//! The plugin is instantiated, given the packs and sealed; its memory becomes
//! the initial memory of a new component, which is compiled. The result is one
//! file that a switch loads, and every call starts from as it is.
//!
//! ```text
//! wasmtime's native code and memory image │ catalogue │ recipe (JSON) │ its length (u64 LE) │ magic
//! ```

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::{
    Store,
    component::{Component, ComponentNamedList, Instance as RawInstance, Lift, Linker, WasmList},
};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::{
    CatalogSummary, Error, PLUGIN, PLUGIN_SHA256,
    analyzer::Watchdog,
    catalogue::Catalogue,
    engine::{
        self, Deadline, Limits,
        contract::{Analyzer as Instance, exports::callprint::analyzer::catalog::PackError},
    },
    limits,
    sandbox::{self, Sandbox},
};

const MAGIC: [u8; 8] = *b"CALLPRNT";

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".callprint-bake-";

/// A recipe is small; a longer one is not ours.
const RECIPE_BYTES_MAX: u64 = 16 << 20;

/// What an analyzer was baked from, and for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recipe {
    /// Version of the runtime that baked it; wasmtime's own is in the native code.
    pub runtime: String,
    /// The plugin's file; none for the built-in plugin.
    pub plugin: Option<PathBuf>,
    /// SHA-256 of the plugin, in hexadecimal.
    pub plugin_sha256: String,
    /// What the plugin calls itself.
    pub analyzer: String,
    /// The packs.
    pub packs: Vec<PackRecipe>,
    /// Bytes of fingerprints and look-up tables.
    pub index_bytes: u64,
    /// Memory a session starts with, in bytes; shared until written to.
    pub memory_bytes: usize,
    /// Length of the catalogue, in bytes.
    pub catalogue_bytes: u64,
}

/// A pack that went into an analyzer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PackRecipe {
    /// Its file.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Its id.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// Scripts in it.
    pub scripts: u32,
    /// Duration of all its recordings, in seconds.
    pub duration_s: f64,
}

/// A pack's file as it was read: what is looked at is what is baked.
#[derive(Debug, Clone)]
pub struct PackFile {
    /// Where it is.
    pub path: PathBuf,
    /// All of it.
    pub content: Vec<u8>,
}

impl PackFile {
    /// Reads a pack's file; its size is checked, its content is not.
    pub fn read(path: &Path) -> Result<PackFile, Error> {
        let size = path.metadata().map_err(Error::io(path))?.len();
        if size > limits::PACK_BYTES {
            let max = limits::PACK_BYTES;
            let reason = format!("it has {size} bytes, the limit is {max}; split it");
            return Err(Error::Pack { path: path.to_owned(), reason });
        }
        let content = std::fs::read(path).map_err(Error::io(path))?;
        Ok(PackFile { path: path.to_owned(), content })
    }
}

/// Bakes `packs` and a plugin (the built-in one unless named) into `out`,
/// which is replaced as a whole or not at all.
pub fn bake(packs: &[PathBuf], plugin: Option<&Path>, out: &Path) -> Result<Recipe, Error> {
    let packs = packs.iter().map(|p| PackFile::read(p)).collect::<Result<Vec<_>, _>>()?;
    bake_files(&packs, plugin, out)
}

/// [`bake`] of packs that were read, and perhaps looked at, before.
pub fn bake_files(packs: &[PackFile], plugin: Option<&Path>, out: &Path) -> Result<Recipe, Error> {
    bake_read(packs, plugin, &read_plugin(plugin)?, out)
}

fn read_plugin(path: Option<&Path>) -> Result<Vec<u8>, Error> {
    match path {
        Some(path) => std::fs::read(path).map_err(Error::io(path)),
        None => Ok(PLUGIN.to_vec()),
    }
}

fn bake_read(
    packs: &[PackFile],
    plugin: Option<&Path>,
    plugin_bytes: &[u8],
    out: &Path,
) -> Result<Recipe, Error> {
    let name = plugin.map_or("the built-in plugin".into(), |p| p.display().to_string());
    let fault =
        |e: wasmtime::Error| Error::Plugin { plugin: name.clone(), reason: format!("{e:#}") };

    let (component, summary, memory_bytes) = fill(plugin_bytes, packs, &name)?;
    let native = engine::for_bake()
        .and_then(|engine| engine.precompile_component(&component))
        .map_err(fault)?;
    let contents: Vec<&[u8]> = packs.iter().map(|p| p.content.as_slice()).collect();
    let catalogue = Catalogue::of_packs(&contents);
    let recipes = packs.iter().zip(&summary.packs);
    let recipe = Recipe {
        runtime: runtime_version(),
        plugin: plugin.map(absolute),
        plugin_sha256: sha256(plugin_bytes),
        analyzer: summary.analyzer.clone(),
        packs: recipes
            .map(|(file, pack)| PackRecipe {
                path: absolute(&file.path),
                sha256: sha256(&file.content),
                id: pack.id.clone(),
                version: pack.version.clone(),
                scripts: pack.scripts,
                duration_s: pack.duration as f64 / 8_000.0,
            })
            .collect(),
        index_bytes: summary.index_bytes,
        memory_bytes,
        catalogue_bytes: catalogue.text().len() as u64,
    };
    write(out, &native, &catalogue, &recipe)?;
    Ok(recipe)
}

/// Bakes an analyzer again from what its recipe names. Of packs, or of a plugin of one's own, that
/// have changed since, nobody has checked the signature or looked at what is in them: they are
/// refused.
pub fn again(path: &Path) -> Result<Recipe, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let (recipe, _) = Recipe::read(path, &mut file)?;
    let packs =
        recipe.packs.iter().map(|p| PackFile::read(&p.path)).collect::<Result<Vec<_>, _>>()?;
    let own = recipe.plugin.as_deref();
    let plugin = read_plugin(own)?;
    let is_other = |bytes: &[u8], hash: &str| sha256(bytes) != hash;
    let mut changed =
        packs.iter().zip(&recipe.packs).filter(|(now, then)| is_other(&now.content, &then.sha256));
    let changed = changed.next().map(|(now, _)| now.path.as_path());
    if let Some(changed) = changed.or(own.filter(|_| is_other(&plugin, &recipe.plugin_sha256))) {
        let reason = format!(
            "{} has changed since; check it, and give it to `callprint bake`",
            changed.display()
        );
        return Err(Error::Stale { path: path.to_owned(), reason });
    }
    bake_read(&packs, own, &plugin, path)
}

/// Feeds the packs to the plugin; returns the component with the memory it
/// then has, what it says of itself, and that memory's size.
fn fill(
    plugin: &[u8],
    packs: &[PackFile],
    name: &str,
) -> Result<(Vec<u8>, CatalogSummary, usize), Error> {
    let refuse = |reason: String| Error::Plugin { plugin: name.into(), reason };
    let fault = |e: wasmtime::Error| refuse(format!("{e:#}"));
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(plugin).map_err(fault)?;
    let engine = engine::for_packs().map_err(fault)?;
    let component = Component::new(&engine, &instrumented).map_err(fault)?;
    if let Some((import, _)) = component.component_type().imports(&engine).next() {
        return Err(refuse(format!("it imports {import:?}; a plugin may import nothing")));
    }
    let mut store = Store::new(&engine, Limits::new(limits::BAKE_BYTES));
    store.limiter(|limits| limits);
    // What may be copied out at once: all of its memory, which by default is too much.
    store.set_hostcall_fuel(limits::BAKE_BYTES);
    let watchdog = Watchdog::start(engine.clone())
        .map_err(|e| refuse(format!("no thread for the watchdog: {e}")))?;
    let total: usize = packs.iter().map(|p| p.content.len()).sum();
    let time = limits::BAKE_TIME + limits::BAKE_TIME_PER_BYTE.mul_f64(total as f64);
    store.data_mut().deadline = Deadline::new(time);
    store.epoch_deadline_callback(Sandbox::at_tick);
    store.set_epoch_deadline(1);
    let raw = Linker::new(&engine).instantiate(&mut store, &component).map_err(fault)?;
    let instance = Instance::new(&mut store, &raw).map_err(|e| {
        refuse(format!("it is not of the world callprint:analyzer/analyzer@0.1.0: {e:#}"))
    })?;
    let catalog = instance.callprint_analyzer_catalog();
    let broke = |what: &str, e: wasmtime::Error| refuse(format!("{what}: {}", sandbox::reason(&e)));
    catalog.call_expect(&mut store, total as u64).map_err(|e| broke("expect", e))?;
    for PackFile { path, content } in packs {
        let answer = catalog.call_add_pack(&mut store, content);
        let answer = answer.map_err(|e| broke(&format!("add-pack, {}", path.display()), e))?;
        answer.map_err(|e| Error::Pack { path: path.clone(), reason: pack_error(e) })?;
    }
    let summary = catalog.call_seal(&mut store).map_err(|e| broke("seal", e))?;
    if summary.packs.len() != packs.len() {
        let (told, given) = (summary.packs.len(), packs.len());
        return Err(refuse(format!("seal: it tells of {told} packs, and was given {given}")));
    }
    // What follows is wizer's own code: it takes its time, and may not fail.
    store.data_mut().deadline = Deadline::new(Duration::MAX);
    let mut access = Access { store: &mut store, instance: raw };
    let component = now(wizer.snapshot_component(&context, &mut access)).map_err(fault)?;
    drop(watchdog);
    Ok((component, summary, store.data().reached))
}

/// What the snapshot reads an instance's memory and globals through.
struct Access<'a> {
    store: &'a mut Store<Limits>,
    instance: RawInstance,
}

impl Access<'_> {
    fn read<R: Lift + 'static, T>(
        &mut self,
        interface: &str,
        function: &str,
        take: impl FnOnce(&Store<Limits>, R) -> T,
    ) -> T
    where
        (R,): ComponentNamedList,
    {
        let Access { store, instance } = self;
        let mut index = |of, name| instance.get_export_index(&mut **store, of, name);
        let interface = index(None, interface).expect("the instrumentation exports it");
        let function = index(Some(&interface), function).expect("the instrumentation exports it");
        let function = instance
            .get_typed_func::<(), (R,)>(&mut **store, function)
            .expect("the instrumentation gave it this type");
        let (value,) = function.call(&mut **store, ()).expect("an accessor only reads");
        take(store, value)
    }
}

impl ComponentInstanceState for Access<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.read(instance, func, |store, list: WasmList<u8>| contents(list.as_le_slice(store)));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.read(instance, func, |_, value| value)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.read(instance, func, |_, value| value)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.read(instance, func, |_, value: f32| value.to_bits())
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.read(instance, func, |_, value: f64| value.to_bits())
    }
}

/// The value of a future that never waits: nothing in [`Access`] does.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a snapshot waits for nothing"),
    }
}

fn pack_error(error: PackError) -> String {
    match error {
        PackError::Malformed(m) => format!("not a valid pack: {m}"),
        PackError::Unsupported(m) => format!("not supported: {m}"),
        PackError::TooLarge(m) => format!("too large: {m}"),
        PackError::Duplicate(m) => format!("duplicate: {m}"),
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn runtime_version() -> String {
    format!("callprint {}", env!("CARGO_PKG_VERSION"))
}

/// Writes under another name first: whoever opens `out` finds the old analyzer
/// or the new one, whole, whatever happens meanwhile.
fn write(out: &Path, native: &[u8], catalogue: &Catalogue, recipe: &Recipe) -> Result<(), Error> {
    let io = || Error::io(out);
    let folder = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    clear_leftovers(folder);
    let json = serde_json::to_vec(recipe).expect("a recipe is plain data");
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(io())?;
    file.write_all(native).map_err(io())?;
    file.write_all(catalogue.text().as_bytes()).map_err(io())?;
    file.write_all(&json).map_err(io())?;
    file.write_all(&(json.len() as u64).to_le_bytes()).map_err(io())?;
    file.write_all(&MAGIC).map_err(io())?;
    file.as_file().sync_all().map_err(io())?;
    file.persist(out).map_err(|e| io()(e.error))?;
    // The new name must survive a power cut too.
    File::open(folder).and_then(|f| f.sync_all()).map_err(io())
}

/// Removes what bakes that were killed have left; what cannot be removed harms nobody.
fn clear_leftovers(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|e| e.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let age = entry.metadata().and_then(|m| m.modified()).map(|m| m.elapsed());
        if age.is_ok_and(|age| age.is_ok_and(|age| age >= limits::BAKE_LEFTOVER)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Recipe {
    /// Reads recipe and catalogue at the end of an analyzer's file.
    pub(crate) fn read(path: &Path, file: &mut File) -> Result<(Recipe, Catalogue), Error> {
        let foreign =
            |reason: &str| Error::NotAnAnalyzer { path: path.to_owned(), reason: reason.into() };
        let size = file.metadata().map_err(Error::io(path))?.len();
        let mut tail = [0; 16];
        if size < tail.len() as u64 {
            return Err(foreign("it is too short to be an analyzer"));
        }
        file.seek(SeekFrom::End(-16)).map_err(Error::io(path))?;
        file.read_exact(&mut tail).map_err(Error::io(path))?;
        let (length, magic) = tail.split_at(8);
        if magic != MAGIC {
            return Err(foreign("it is not an analyzer, or was cut short"));
        }
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        if length > RECIPE_BYTES_MAX.min(size - 16) {
            return Err(foreign("its recipe is damaged"));
        }
        let mut json = vec![0; length as usize];
        file.seek(SeekFrom::End(-16 - length as i64)).map_err(Error::io(path))?;
        file.read_exact(&mut json).map_err(Error::io(path))?;
        let recipe: Recipe = serde_json::from_slice(&json)
            .map_err(|e| foreign(&format!("its recipe is damaged ({e})")))?;
        if recipe.catalogue_bytes > size - 16 - length {
            return Err(foreign("its catalogue is damaged"));
        }
        let mut text = vec![0; recipe.catalogue_bytes as usize];
        file.seek(SeekFrom::End(-16 - (length + recipe.catalogue_bytes) as i64))
            .map_err(Error::io(path))?;
        file.read_exact(&mut text).map_err(Error::io(path))?;
        let text = String::from_utf8(text).map_err(|_| foreign("its catalogue is damaged"))?;
        Ok((recipe, Catalogue::parse(text)))
    }

    /// Whether what it was baked with is what runs here.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Error> {
        let stale = |reason: String| Err(Error::Stale { path: path.to_owned(), reason });
        if self.runtime != runtime_version() {
            return stale(format!(
                "it was baked by {}, this is {}",
                self.runtime,
                runtime_version()
            ));
        }
        if self.plugin.is_none() && self.plugin_sha256 != PLUGIN_SHA256 {
            return stale("the built-in plugin has changed since".into());
        }
        Ok(())
    }
}
