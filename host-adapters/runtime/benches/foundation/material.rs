//! Scripts and calls to measure with.
//!
//! Four of five prompts of Debian's asterisk-core-sounds packages are what scripts are made of; the
//! fifth is never enrolled and makes the calls that match nothing, as most do. Where the packages
//! are not installed, made-up speech takes their place, and the output says so.

use std::{fs, path::Path, thread};

use callprint_fixtures::{self as fixtures, Random};
use callprint_plugin::{
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};

pub const RATE_HZ: usize = 8_000;
pub const SCRIPT_S: usize = 10;

/// Codes per second of a recording.
const CODES_PER_S: usize = 25;

/// Speeds at which a prompt is enrolled.
const SPEEDS: [f32; 2] = [0.92, 1.07];

/// Share of the bits that differ from one use of a piece to the next: what a G.711 line does.
const WRONG_BITS: f32 = 0.06;

pub struct Material {
    /// Prompts that scripts are made of, at 8 kHz.
    pub enrolled: Vec<Vec<i16>>,
    /// And those that are in none.
    pub held_out: Vec<Vec<i16>>,
    /// Codes of the former, at several speeds.
    codes: Vec<Vec<u64>>,
}

impl Material {
    pub fn new() -> Material {
        let files = fixtures::wav_files("/usr/share/asterisk/sounds".as_ref());
        let mut all: Vec<Vec<i16>> = files.iter().filter_map(|f| samples(f)).collect();
        if all.is_empty() {
            println!("no asterisk-core-sounds-*-wav installed: made-up speech instead of prompts");
            all = (0..500).map(|n| fixtures::speech(n, 6_000)).collect();
        } else {
            println!("{} prompts of asterisk-core-sounds, one in five held out", all.len());
        }
        let (mut enrolled, mut held_out) = (Vec::new(), Vec::new());
        for (n, prompt) in all.into_iter().enumerate() {
            if n % 5 == 0 { held_out.push(prompt) } else { enrolled.push(prompt) }
        }
        let codes = enrol(&enrolled);
        Material { enrolled, held_out, codes }
    }

    /// The codes of a script of [`SCRIPT_S`]: pieces of prompts, slightly degraded.
    pub fn script(&self, random: &mut Random) -> Vec<u64> {
        let mut out = Vec::with_capacity(SCRIPT_S * CODES_PER_S);
        while out.len() < SCRIPT_S * CODES_PER_S {
            let prompt = &self.codes[random.below(self.codes.len())];
            let piece = &prompt[random.below(prompt.len() / 2)..];
            let wanted = (SCRIPT_S * CODES_PER_S - out.len()).min(3 * CODES_PER_S);
            out.extend(piece.iter().take(wanted).map(|code| match code {
                0 => 0,
                code => (code ^ errors(random)).max(1),
            }));
        }
        out
    }

    pub fn pack(&self, scripts: usize) -> Pack {
        let mut pack = Pack::new("bench", Codebook::default().id());
        let mut random = Random::new(1);
        for n in 0..scripts {
            let codes = Codes(self.script(&mut random));
            let node = Node { id: "main".into(), codes, more: Default::default() };
            let id = format!("s{n}");
            pack.scripts.push(Script { id, nodes: vec![node], more: Default::default() });
        }
        pack
    }
}

/// Some wrong bits.
fn errors(random: &mut Random) -> u64 {
    let count = (WRONG_BITS * 64.0 * random.within(0.0, 2.0)) as usize;
    (0..count).fold(0, |bits, _| bits | 1 << random.below(64))
}

fn enrol(prompts: &[Vec<i16>]) -> Vec<Vec<u64>> {
    let book = Codebook::default();
    let part = |prompts: &[Vec<i16>]| -> Vec<Vec<u64>> {
        let at_speeds = prompts.iter().flat_map(|p| SPEEDS.map(|s| fixtures::faster(p, 0, s, 1.0)));
        let samples = at_speeds.map(Iterator::collect::<Vec<i16>>);
        samples.map(|samples| fingerprint(&book, RATE_HZ as u32, &samples)).collect()
    };
    let (one, other) = prompts.split_at(prompts.len() / 2);
    let mut codes = thread::scope(|scope| {
        let other = scope.spawn(|| part(other));
        let mut codes = part(one);
        codes.extend(other.join().expect("fingerprints are made of anything"));
        codes
    });
    codes.retain(|codes| codes.len() > CODES_PER_S);
    codes
}

/// Calls of ten seconds, of pieces of prompts.
pub fn calls(prompts: &[Vec<i16>], seed: u64, count: usize) -> Vec<Vec<i16>> {
    let mut random = Random::new(seed);
    let call = |random: &mut Random| {
        let mut out = Vec::new();
        while out.len() < SCRIPT_S * RATE_HZ {
            let prompt = &prompts[random.below(prompts.len())];
            let first = random.below(prompt.len() / 2);
            let (speed, gain) = (random.within(0.9, 1.1), random.within(0.4, 1.0));
            out.extend(fixtures::faster(prompt, first, speed, gain).take(3 * RATE_HZ));
        }
        out.truncate(SCRIPT_S * RATE_HZ);
        out
    };
    (0..count).map(|_| call(&mut random)).collect()
}

/// The samples of a plain 8 kHz 16-bit WAV file of at least a second.
fn samples(path: &Path) -> Option<Vec<i16>> {
    let bytes = fs::read(path).ok()?;
    let data = bytes.windows(4).position(|w| w == b"data")? + 8;
    let samples: Vec<i16> =
        bytes[data..].as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect();
    (bytes[24..28] == 8_000u32.to_le_bytes() && samples.len() > RATE_HZ).then_some(samples)
}
