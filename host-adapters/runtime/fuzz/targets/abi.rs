//! The C interface: what a module with defects may pass, within the header's words: strings end,
//! buffers are as large as they are said to be, and a call is closed once.
#![no_main]

use std::{
    ffi::{CString, c_char, c_int, c_void},
    fs,
    path::PathBuf,
    ptr,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use callprint::bake::bake;
use libfuzzer_sys::fuzz_target;

/// The header's structs, in words: `callprint_host_config`, `callprint_call_config`,
/// `callprint_decision`.
const HOST_CONFIG: usize = 11;
const CALL_CONFIG: usize = 10;
const DECISION: usize = 16;
/// A byte beyond what was said to be there.
const GUARD: u8 = 0xa5;

type Handle = *mut c_void;

unsafe extern "C" {
    fn callprint_verdict_name(verdict: c_int) -> *const c_char;
    fn callprint_host_open(
        config: *const usize,
        host: *mut Handle,
        error: *mut u8,
        size: usize,
    ) -> c_int;
    fn callprint_host_close(host: Handle);
    fn callprint_host_reload(
        host: Handle,
        path: *const c_char,
        error: *mut u8,
        size: usize,
    ) -> c_int;
    fn callprint_host_rules(
        host: Handle,
        name: *const c_char,
        path: *const c_char,
        error: *mut u8,
        size: usize,
    ) -> c_int;
    fn callprint_host_status_json(host: Handle, calls: c_int, text: *mut u8, size: usize) -> usize;
    fn callprint_host_metrics(host: Handle, text: *mut u8, size: usize) -> usize;
    fn callprint_call_open(
        host: Handle,
        config: *const usize,
        call: *mut Handle,
        error: *mut u8,
        size: usize,
    ) -> c_int;
    fn callprint_call_push(call: Handle, side: c_int, rate: u32, samples: *const i16, count: usize);
    fn callprint_call_skip(call: Handle, side: c_int, rate: u32, samples: u64);
    fn callprint_call_poll(call: Handle, decision: *mut usize, text: *mut u8, size: usize);
    fn callprint_call_close(call: Handle);
}

static RELEASED: AtomicUsize = AtomicUsize::new(0);
static TOLD: AtomicUsize = AtomicUsize::new(0);

/// A host for all inputs, its analyzer one that misbehaves when told to.
struct Stage {
    host: usize,
    analyzer: CString,
    folder: PathBuf,
    opened: AtomicUsize,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap().keep();
    let plugin = folder.join("hostile.wasm");
    fs::write(&plugin, include_bytes!("../../../../conformance/hostile/guest.wasm")).unwrap();
    bake(&[], Some(&plugin), &folder.join("a.cwasm")).unwrap();
    let analyzer = text(&folder.join("a.cwasm").into_os_string().into_encoded_bytes());
    let mut config = [0; HOST_CONFIG];
    (config[0], config[1]) = (size_of_val(&config), analyzer.as_ptr() as usize);
    // Workers and calls_max, batch_ms and cohort; no line of a log.
    (config[7], config[8]) = (1 | 64 << 32, 20 | 4 << 32);
    config[9] = log as *const () as usize;
    let mut host = ptr::null_mut();
    assert_eq!(unsafe { callprint_host_open(config.as_ptr(), &mut host, ptr::null_mut(), 0) }, 0);
    Stage { host: host as usize, analyzer, folder, opened: AtomicUsize::new(0) }
});

unsafe extern "C" fn log(_: Handle, _: c_int, _: *const c_char) {}

unsafe extern "C" fn told(_: Handle, what: *const usize) {
    // All of it is there.
    TOLD.fetch_add(unsafe { what.read() }, Relaxed);
}

unsafe extern "C" fn released(_: Handle) {
    RELEASED.fetch_add(1, Relaxed);
}

/// Up to the first NUL.
fn text(bytes: &[u8]) -> CString {
    CString::new(bytes.split(|b| *b == 0).next().unwrap()).unwrap()
}

/// What the input says, and zeroes when it says no more.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn text(&mut self) -> CString {
        let (text, rest) =
            self.0.split_at((self.0.len()).min(self.0.first().map_or(0, |n| *n as usize % 64)));
        self.0 = rest;
        self::text(text)
    }

    /// Null now and then.
    fn pointer(&mut self, text: &CString) -> usize {
        if self.byte() % 8 == 0 { 0 } else { text.as_ptr() as usize }
    }
}

/// A buffer of `size` bytes, which `write` may fill and not exceed.
fn room<T>(size: usize, write: impl FnOnce(*mut u8, usize) -> T) -> T {
    let mut bytes = vec![GUARD; size + 1];
    let answer = write(bytes.as_mut_ptr(), size);
    assert_eq!(bytes[size], GUARD, "written beyond {size} bytes");
    answer
}

/// As many bytes of a struct as somebody says there are, in memory of that size.
fn sized(words: &[usize], input: &mut Input) -> Vec<usize> {
    let words_there = match input.byte() {
        n @ 1..16 => (n as usize).min(words.len()),
        _ => words.len(),
    };
    let mut there = words[..words_there].to_vec();
    there[0] = words_there * 8 - usize::from(input.byte() % 32 == 1);
    there
}

fn open_call(stage: &Stage, input: &mut Input) -> Option<Handle> {
    let [id, number, rules] = [input.text(), input.text(), input.text()];
    let flags = match input.byte() {
        255 => input.number(),
        n => u32::from(n % 4),
    };
    let config = [
        8 * CALL_CONFIG,
        input.pointer(&id),
        input.pointer(&number),
        input.pointer(&number),
        // Mostly rules that there are.
        if input.byte() % 8 == 1 { rules.as_ptr() as usize } else { 0 },
        flags as usize | (input.number() as usize) << 32,
        told as *const () as usize,
        told as *const () as usize,
        released as *const () as usize,
        0,
    ];
    // Without all callbacks a release is not seen.
    let config = sized(&config, input);
    let counted = config[0] >= 9 * 8 - 1;
    let mut call = ptr::null_mut();
    let status = room(input.byte().into(), |error, size| unsafe {
        callprint_call_open(stage.host as Handle, config.as_ptr(), &mut call, error, size)
    });
    assert_eq!(status == 0, !call.is_null());
    if status == 4 {
        // Out of service, after so much mischief.
        unsafe { callprint_host_reload(stage.host as Handle, ptr::null(), ptr::null_mut(), 0) };
    }
    if status == 3 {
        // All places are taken until those that are closed have been noticed.
        thread::sleep(Duration::from_millis(5));
    }
    if status == 0 && counted {
        stage.opened.fetch_add(1, Relaxed);
    }
    (status == 0).then_some(call)
}

fn push(call: Handle, input: &mut Input) {
    let side = match input.byte() {
        n @ 250.. => c_int::from(n) - 300,
        n => c_int::from(n % 2),
    };
    let rate = match input.byte() {
        n @ 0..32 => [8_000, 16_000, 48_000, 44_100][n as usize % 4],
        n @ 32..64 => u32::from(n) * 1_000,
        _ => input.number(),
    };
    if input.byte() % 8 == 7 {
        let samples = u64::from(input.number()) << (input.byte() % 33);
        return unsafe { callprint_call_skip(call, side, rate, samples) };
    }
    let count = usize::from(input.byte()) * (1 + usize::from(input.byte() % 8) * 200);
    let mut first = i16::from_le_bytes([input.byte(), input.byte()]);
    if matches!(first, 1_002 | 1_011 | 1_013) {
        // These take a quarter of a second.
        first = 1_001;
    }
    let samples = vec![first; count];
    unsafe { callprint_call_push(call, side, rate, samples.as_ptr(), count) };
}

fn open_host(stage: &Stage, input: &mut Input) {
    let [path, other] = [input.text(), input.text()];
    let path = if input.byte() % 2 == 0 { &stage.analyzer } else { &path };
    let evidence = text(stage.folder.join("evidence").into_os_string().as_encoded_bytes());
    let mut config = [0; HOST_CONFIG];
    config[0] = size_of_val(&config);
    config[1] = input.pointer(path);
    config[4] = if input.byte() % 4 == 1 { evidence.as_ptr() as usize } else { 0 };
    config[5] = if input.byte() % 4 == 1 { other.as_ptr() as usize } else { 0 };
    // Few calls, or more than there may be: what is between costs time and shows nothing.
    let calls = [1, 64, 65_537, u32::MAX][input.byte() as usize % 4] as usize;
    config[7] = (input.byte() % 3) as usize | calls << 32;
    config[8] = input.byte() as usize | (input.byte() as usize) << 32;
    config[9] = log as *const () as usize;
    let config = if calls > 64 { config.to_vec() } else { sized(&config, input) };
    if config.len() <= 7 {
        // By default there is room for thousands.
        return;
    }
    let mut host = ptr::null_mut();
    let status = room(input.byte().into(), |error, size| unsafe {
        callprint_host_open(config.as_ptr(), &mut host, error, size)
    });
    assert_eq!(status == 0, !host.is_null());
    unsafe { callprint_host_close(host) };
}

fn poll(call: Handle, input: &mut Input) {
    let mut words = vec![usize::MAX; 2 + input.byte() as usize % DECISION];
    words[0] = 8 * (words.len() - 1);
    let size = usize::from(input.byte()) * usize::from(1 + input.byte() % 16);
    room(size, |text, size| unsafe {
        callprint_call_poll(call, words.as_mut_ptr(), text, size);
    });
    assert_eq!(words.last(), Some(&usize::MAX), "written beyond the struct");
}

fuzz_target!(|bytes: &[u8]| {
    let (stage, mut input) = (&*STAGE, Input(bytes));
    let host = stage.host as Handle;
    let mut calls: Vec<Handle> = Vec::new();
    while !input.0.is_empty() {
        let what = input.byte();
        let call = calls.get(input.byte() as usize % calls.len().max(1)).copied();
        match (what % 16, call) {
            (0, Some(call)) => {
                calls.retain(|c| *c != call);
                unsafe { callprint_call_close(call) };
            }
            (1..8, Some(call)) => push(call, &mut input),
            (8..10, Some(call)) => poll(call, &mut input),
            (10, _) => unsafe {
                let (name, path) = (input.text(), stage.folder.join("rules.json"));
                fs::write(&path, input.text().to_bytes()).unwrap();
                let path = text(path.as_os_str().as_encoded_bytes());
                let (name, path) = (input.pointer(&name), input.pointer(&path));
                // The rules in force are not to become what the input says.
                if name != 0 && *(name as *const u8) != b'i' && *(name as *const u8) != b'o' {
                    room(input.byte().into(), |error, size| {
                        callprint_host_rules(host, name as _, path as _, error, size)
                    });
                }
            },
            (11, _) => {
                let with_calls = c_int::from(input.byte() % 2);
                room(usize::from(input.byte()) * 16, |text, size| unsafe {
                    callprint_host_status_json(host, with_calls, text, size)
                });
            }
            (12, _) => {
                room(usize::from(input.byte()) * 64, |text, size| unsafe {
                    callprint_host_metrics(host, text, size)
                });
            }
            (13, _) => unsafe {
                let path = input.text();
                let path = if what < 128 { path.as_ptr() } else { stage.analyzer.as_ptr() };
                room(input.byte().into(), |error, size| {
                    callprint_host_reload(host, path, error, size)
                });
                assert!(!callprint_verdict_name(input.byte().into()).is_null());
            },
            (14, _) if what > 192 => open_host(stage, &mut input),
            _ => calls.extend(open_call(stage, &mut input)),
        }
    }
    for call in calls {
        unsafe { callprint_call_close(call) };
    }
    assert!(RELEASED.load(Relaxed) <= stage.opened.load(Relaxed), "released twice");
});
