//! libcallprint.so as C programs use it, compiled here with the header.

use std::{
    env, fs,
    os::unix::{fs::symlink, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use callprint::bake::bake;
use callprint_fixtures as fixtures;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with the library under its soname, and analyzers.
struct Desk {
    folder: tempfile::TempDir,
    object: PathBuf,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // Where cargo puts the library beside the tests, or above them: the newer one.
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let built = [deps.join("libcallprint.so"), deps.join("../libcallprint.so")];
    let age = |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    let object = built.into_iter().max_by_key(age).unwrap().canonicalize().unwrap();
    for name in ["libcallprint.so.1", "libcallprint.so"] {
        symlink(&object, folder.path().join(name)).unwrap();
    }
    let plugin = folder.path().join("hostile.wasm");
    fs::write(&plugin, fixtures::HOSTILE_PLUGIN).unwrap();
    bake(&[], Some(&plugin), &folder.path().join("hostile.cwasm")).unwrap();
    bake(&[], None, &folder.path().join("real.cwasm")).unwrap();
    Desk { folder, object }
});

impl Desk {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Compiles a program of `tests/c`.
    fn compile(&self, name: &str) -> PathBuf {
        let program = self.compile_with(name, &[]);
        program.expect("a C compiler is needed, as for building adapters")
    }

    /// The same with more flags, which not every compiler takes.
    fn compile_with(&self, name: &str, flags: &[&str]) -> Result<PathBuf, String> {
        let program = self.folder.path().join([&[name], flags].concat().concat());
        let folder = self.folder.path().display();
        let output = Command::new("cc")
            .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-rdynamic", "-pthread"])
            .arg(format!("-I{ROOT}/include"))
            .arg(format!("{ROOT}/tests/c/{name}.c"))
            .arg("-o")
            .arg(&program)
            .args([format!("-L{folder}"), format!("-Wl,-rpath,{folder}")])
            .args(["-lcallprint", "-ldl"])
            .args(flags)
            .output()
            .map_err(|e| e.to_string())?;
        if output.status.success() { Ok(program) } else { Err(text(&output.stderr)) }
    }
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_binary_interface_is_the_one_that_was_announced() {
    let printed = text(&run(&DESK.compile("abi"), &[]).stdout);
    let announced = fs::read_to_string(format!("{ROOT}/tests/c/abi.txt")).unwrap();
    assert_eq!(
        printed, announced,
        "what modules were compiled against no longer holds: raise CALLPRINT_ABI and the soname, \
         or undo it; an addition at the end of a struct only needs tests/c/abi.txt"
    );
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    let header = fs::read_to_string(format!("{ROOT}/include/callprint.h")).unwrap();
    let mut declared: Vec<String> = header
        .split("CALLPRINT_API ")
        .skip(1)
        .filter_map(|rest| rest.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("callprint_"))
        .map(|name| format!("{name}@@libcallprint.so.1"))
        .collect();
    declared.sort();
    assert!(declared.len() > 10, "{declared:?}");
    let library = DESK.object.to_str().unwrap();
    let output = run(Path::new("readelf"), &["--dyn-syms", "-W", library]);
    let mut exported: Vec<String> = text(&output.stdout)
        .lines()
        .filter(|l| l.contains(" FUNC ") || l.contains(" OBJECT "))
        .filter(|l| !l.contains(" UND ") && !l.contains(" ABS "))
        .filter_map(|l| l.split_whitespace().last().map(str::to_owned))
        .collect();
    exported.sort();
    assert_eq!(exported, declared);
    let dynamic = text(&run(Path::new("readelf"), &["-d", library]).stdout);
    assert!(dynamic.contains("[libcallprint.so.1]") && dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn media_threads_make_no_system_call_no_allocation_and_take_no_lock() {
    let program = DESK.compile("media");
    let analyzer = DESK.path("real.cwasm");
    let output = run(&program, &[&analyzer]);
    assert!(output.status.success(), "{:?} {}", output.status, text(&output.stdout));
    // And what if they did?
    for misdeed in ["syscall", "malloc", "mutex"] {
        let output = run(&program, &[&analyzer, misdeed]);
        // Killed by SIGSYS, or counted; a thread's first allocation makes a system call, too.
        let seen = output.status.signal() == Some(31) || output.status.code() == Some(3);
        assert!(seen, "{misdeed}: {:?} {}", output.status, text(&output.stdout));
    }
}

#[test]
fn crash_handlers_of_the_switch_survive_and_are_not_called_for_guests() {
    let output = run(&DESK.compile("signals"), &[&DESK.path("hostile.cwasm")]);
    assert!(output.status.success(), "{:?} {}", output.status, text(&output.stdout));
}

#[test]
fn memory_is_what_the_header_says_it_is() {
    let analyzer = DESK.path("real.cwasm");
    let output = run(&DESK.compile("life"), &[&analyzer]);
    assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
    // What of the heap is used wrongly, on either side, is found by the sanitizer's own heap.
    let program = match DESK.compile_with("life", &["-fsanitize=address,undefined"]) {
        Ok(program) => program,
        Err(reason) => return fixtures::skipped("AddressSanitizer", &reason),
    };
    let output = run(&program, &[&analyzer]);
    assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
}
