//! A 64-bit code every 20 ms: what 310 ms of speech sound like, whatever the
//! line does to them.

use std::array::from_fn;

use serde::Deserialize;

use crate::{
    audio::{BINS, Feed, Filters, Frame, HOP, Spectrum, Stft, WINDOW},
    numeric::{cube_root, greatest},
    simd::{self, Block, LANES, ROWS},
};

/// Mel-spaced bands, see [`Bands`].
const BANDS: usize = 20;
/// Lowest and highest edge of the bands, Hz: the telephone channel.
const EDGES_HZ: (f64, f64) = (250.0, 3_400.0);
/// Points in time of a patch, 20 ms apart.
const POINTS: usize = 16;
/// Elements of a patch, `[point][band]`, oldest first.
const PATCH: usize = BANDS * POINTS;
/// Bits of a code.
const BITS: usize = 64;
/// Patches are quantised to ±this. It is what an i32 allows: see
/// [`WEIGHTS_MAX`].
const QUANTUM: f32 = 4_095.0;
/// Sum of the magnitudes of a bit's weights up to which no patch overflows.
const WEIGHTS_MAX: u32 = i32::MAX as u32 / 4_095;

/// Hops (of 10 ms) per code.
pub const HOPS_PER_CODE: u64 = 2;

/// A reference keeps every second code. The call's side keeps them all, so an
/// alignment is never off by more than 10 ms, and a pack needs half the bytes.
pub const REFERENCE_STEP: usize = 2;

/// Hops a patch reaches back from its newest point.
const REACH_HOPS: u64 = (POINTS as u64 - 1) * HOPS_PER_CODE;

/// A patch whose elements vary by less than this share of their mean level is
/// stationary: comfort noise, hum, silence. It says nothing of a script.
const MODULATION_MIN: f32 = 0.10;

/// Mean of the compressed band energies below which there is silence: some
/// −75 dBFS, under the idle noise of G.711.
const LEVEL_MIN: f32 = 0.008;

/// Hops that a gap may last, the window's own length included, to be bridged by
/// what was heard before it: up to 90 ms of lost audio spoil a few bits of the
/// codes that span them, where leaving those codes out would cost 400 ms.
const BRIDGE_HOPS: u32 = 12;

/// One code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The bits; 0 where there is nothing to fingerprint (silence, hum, lost
    /// audio). A real code is never 0.
    pub bits: u64,
    /// How far each bit is from flipping; comparable within the code.
    pub margins: [i32; BITS],
}

impl Code {
    const NONE: Code = Code { bits: 0, margins: [0; BITS] };
}

/// The samples (at 8 kHz) that the code with number `code` was made of.
pub fn span_samples(code: u64) -> std::ops::Range<u64> {
    let newest = code * HOPS_PER_CODE;
    // One hop more on either side: the smoothing.
    let first = newest.saturating_sub(REACH_HOPS + 1);
    let hop = HOP as u64;
    ((first + 1) * hop).saturating_sub(WINDOW as u64)..(newest + 2) * hop
}

/// The learned map from patches to codes, read from models/fingerprint.
pub struct Codebook {
    id: String,
    /// For [`ROWS`] bits at a time, the weights of a patch's elements.
    weights: Vec<[Block; PATCH / LANES]>,
    bands: Bands,
}

#[derive(Deserialize)]
struct CodebookFile {
    name: String,
    version: u32,
    weights_sha256: String,
    /// `[bit][band × POINTS + point]`, points oldest first.
    weights: Vec<Vec<i16>>,
}

impl Default for Codebook {
    fn default() -> Self {
        let file: CodebookFile =
            serde_json::from_str(include_str!("../../../models/fingerprint/subband64.json"))
                .expect("the code book that ships with the analyzer is valid");
        let magnitude = |row: &[i16]| row.iter().map(|w| u32::from(w.unsigned_abs())).sum::<u32>();
        assert!(file.weights.iter().all(|row| magnitude(row) <= WEIGHTS_MAX), "a sum can overflow");
        assert!(file.weights.len() == BITS && file.weights.iter().all(|row| row.len() == PATCH));
        let id = format!("{}/{}-{:.8}", file.name, file.version, file.weights_sha256);
        let weight = |bit: usize, element: usize| {
            let (point, band) = (element / BANDS, element % BANDS);
            file.weights[bit][band * POINTS + point]
        };
        let block = |bits: usize, n: usize| -> Block {
            from_fn(|row| from_fn(|lane| weight(bits * ROWS + row, n * LANES + lane)))
        };
        let weights = (0..BITS / ROWS).map(|bits| from_fn(|n| block(bits, n))).collect();
        Codebook { id, weights, bands: Bands::default() }
    }
}

impl Codebook {
    /// Names the code. Fingerprints made by another code are of no use.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn encode(&self, patch: &[[i16; LANES]; PATCH / LANES]) -> Code {
        let mut margins = [0; BITS];
        for (margins, weights) in margins.as_chunks_mut().0.iter_mut().zip(&self.weights) {
            *margins = simd::dots(weights, patch);
        }
        let bits = margins.iter().rev().fold(0, |bits, m| bits << 1 | u64::from(*m > 0));
        // 0 is kept for "none"; that a real code is 0 is as likely as any bit pattern.
        Code { bits: bits.max(1), margins: margins.map(i32::abs) }
    }
}

/// Triangular filters, equally spaced in mel (2595 lg(1 + f/700)), each of
/// weight 1 in all.
struct Bands {
    /// Per band: its first bin and the weights from there.
    filters: [(usize, Vec<f32>); BANDS],
}

impl Default for Bands {
    fn default() -> Self {
        let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
        let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
        let (low, high) = (mel(EDGES_HZ.0), mel(EDGES_HZ.1));
        let edge = |n: usize| hz(low + (high - low) * n as f64 / (BANDS + 1) as f64);
        let bin_hz = 8000.0 / WINDOW as f64;
        let filters = from_fn(|band| {
            let (a, b, c) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let f = bin as f64 * bin_hz;
                ((f - a) / (b - a)).min((c - f) / (c - b)).max(0.0)
            };
            let first =
                (0..BINS).find(|&bin| weight(bin) > 0.0).expect("bands are wider than bins");
            let weights: Vec<f64> = (first..BINS).map(weight).take_while(|w| *w > 0.0).collect();
            let sum: f64 = weights.iter().sum();
            (first, weights.iter().map(|w| (w / sum) as f32).collect())
        });
        Bands { filters }
    }
}

impl Bands {
    /// Compressed band energies less their mean, and the mean.
    fn shape(&self, power: &[f32; BINS]) -> ([f32; BANDS], f32) {
        let mut shape: [f32; BANDS] = from_fn(|band| {
            let (first, weights) = &self.filters[band];
            weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum()
        });
        // Several at a time.
        shape.iter_mut().for_each(|energy| *energy = cube_root(*energy));
        let mean = shape.iter().sum::<f32>() / BANDS as f32;
        shape.iter_mut().for_each(|s| *s -= mean);
        (shape, mean)
    }
}

#[derive(Clone, Copy)]
struct Point {
    shape: [f32; BANDS],
    level: f32,
    /// Whether it was heard at all.
    heard: bool,
}

impl Point {
    const MISSING: Point = Point { shape: [0.0; BANDS], level: 0.0, heard: false };
}

/// Makes codes of one side's frames.
pub struct Fingerprinter {
    /// The last two frames as they came, older first.
    raw: [Point; 2],
    /// The last smoothed frames of even index; the oldest at `oldest`.
    points: [Point; POINTS],
    oldest: usize,
    next_index: u64,
    /// Hops since something was heard.
    missing: u32,
}

impl Default for Fingerprinter {
    fn default() -> Self {
        Fingerprinter {
            raw: [Point::MISSING; 2],
            points: [Point::MISSING; POINTS],
            oldest: 0,
            next_index: 0,
            missing: 0,
        }
    }
}

impl Fingerprinter {
    /// Takes a frame; every second one completes a code: its number (code `n`
    /// is centred on frame `2n − 15`) and the code.
    pub fn push(&mut self, book: &Codebook, frame: &Frame) -> Option<(u64, Code)> {
        if frame.index != self.next_index {
            *self = Fingerprinter::default();
        }
        self.next_index = frame.index + 1;
        let [older, middle] = self.raw;
        let newest = match &frame.sound {
            Some(sound) => {
                self.missing = 0;
                let (shape, level) = book.bands.shape(sound.power);
                Point { shape, level, heard: true }
            }
            None => {
                self.missing += 1;
                if self.missing <= BRIDGE_HOPS { middle } else { Point::MISSING }
            }
        };
        self.raw = [middle, newest];
        // `middle` has the index before this one.
        if frame.index == 0 || !(frame.index - 1).is_multiple_of(HOPS_PER_CODE) {
            return None;
        }
        self.points[self.oldest] = smooth(&older, &middle, &newest);
        self.oldest = (self.oldest + 1) % POINTS;
        Some(((frame.index - 1) / HOPS_PER_CODE, self.code(book)))
    }

    fn code(&self, book: &Codebook) -> Code {
        if self.points.iter().any(|p| !p.heard) {
            return Code::NONE;
        }
        let level = self.points.iter().map(|p| p.level).sum::<f32>() / POINTS as f32;
        if level < LEVEL_MIN {
            return Code::NONE;
        }
        // Point by point, oldest first: what is done to one band is done to several at a time.
        let (newer, older) = self.points.split_at(self.oldest);
        let shapes = || older.iter().chain(newer).map(|p| &p.shape);
        let mut means = [0.0f32; BANDS];
        for shape in shapes() {
            means.iter_mut().zip(shape).for_each(|(mean, s)| *mean += s);
        }
        means.iter_mut().for_each(|mean| *mean /= POINTS as f32);
        let mut patch = [[0.0f32; BANDS]; POINTS];
        let (mut powers, mut peaks) = ([0.0f32; BANDS], [0.0f32; BANDS]);
        for (point, shape) in patch.iter_mut().zip(shapes()) {
            for band in 0..BANDS {
                let element = shape[band] - means[band];
                let (size, peak) = (element.abs(), peaks[band]);
                point[band] = element;
                powers[band] += element * element;
                peaks[band] = if size > peak { size } else { peak };
            }
        }
        let power = powers.iter().sum::<f32>() / PATCH as f32;
        if power < (MODULATION_MIN * level) * (MODULATION_MIN * level) {
            return Code::NONE;
        }
        let scale = QUANTUM / greatest(&peaks);
        let mut quantised = [[0; LANES]; PATCH / LANES];
        let elements = patch.as_flattened().as_chunks::<LANES>().0;
        for (to, elements) in quantised.iter_mut().zip(elements) {
            // Rounds half up by truncation of a positive number: cheap and exact.
            let positive = elements.map(|e| e * scale + (QUANTUM + 1.5));
            *to = simd::truncated(&positive).map(|e| e - (QUANTUM as i16 + 1));
        }
        book.encode(&quantised)
    }
}

/// Weights ¼, ½, ¼: takes the flicker out of single frames.
fn smooth(a: &Point, b: &Point, c: &Point) -> Point {
    Point {
        shape: from_fn(|band| 0.25 * a.shape[band] + 0.5 * b.shape[band] + 0.25 * c.shape[band]),
        level: 0.25 * a.level + 0.5 * b.level + 0.25 * c.level,
        heard: a.heard && b.heard && c.heard,
    }
}

/// The reference codes (25 a second) of a whole recording, for a pack.
pub fn fingerprint(book: &Codebook, rate_hz: u32, samples: &[i16]) -> Vec<u64> {
    let mut codes = Vec::new();
    let (mut feed, mut stft, mut spectrum) =
        (Feed::default(), Stft::default(), Spectrum::default());
    let mut fingerprinter = Fingerprinter::default();
    let mut take = |chunk: crate::audio::Chunk| {
        stft.push(&mut spectrum, chunk, |frame| {
            if let Some((number, code)) = fingerprinter.push(book, &frame)
                && number.is_multiple_of(REFERENCE_STEP as u64)
            {
                codes.push(code.bits);
            }
        });
    };
    feed.push(&mut Filters::default(), rate_hz, samples, &mut take);
    // What a resampler still holds, 10 ms, does not matter to a reference.
    codes
}
