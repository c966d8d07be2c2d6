//! Steady and evenly swept sounds of one or two lines: what beeps, special
//! information tones and fax tones are made of, and speech is not.
//!
//! Lines of successive frames that continue one another form a track. A track,
//! or two that began together, whose lines hold nearly all of the power and
//! lie on a straight line in frequency is a sound. Its edges are where its
//! amplitude crosses half: a Hann window that an edge cuts in the middle shows
//! half of the amplitude, so the crossing, interpolated between frames, is the
//! edge, to a few milliseconds and whatever else is heard.

use super::{
    MISSING_FRAMES,
    lines::{BIN_HZ, Line, Lines, bin_of, lobe},
};
use crate::{
    audio::{BINS, HOP, WINDOW},
    finding::Instant,
    level::{Dbm0, db},
};

/// The noise is the least power of late, which rises by 4 dB/s; white noise
/// seldom falls below its mean by more than the margin.
const NOISE_RISE: f32 = 1.01;
const NOISE_MARGIN: f32 = 1.25;
/// No more than this share of what is not the lines' is put down to noise.
const NOISE_MOST: f32 = 0.75;
/// −80 dBm0, so that there is something to rise from.
const NOISE_LEAST: f32 = 3e-5;

/// A sound whose first line was not found for more frames is not heard.
const LOST_FRAMES: u64 = 2;

/// Lines followed at a time.
const TRACKS: usize = 4;

/// Spectra remembered, to look for a beginning in: 80 ms.
const RECENT: usize = 8;

/// A line continues a track when it is this near to where the track leads, in
/// Hz; more while the track is young and its slope unknown.
const NEAR_HZ: f32 = 16.0;
const NEAR_YOUNG_HZ: f32 = 45.0;
const YOUNG_FRAMES: u32 = 3;

/// Steepest sweep, in Hz per frame: 4 kHz/s moves a line by a lobe's half
/// within a window.
const SLOPE_MAX: f32 = 45.0;

/// A track without a line for more frames than this is over.
const TRACK_GAP_FRAMES: u64 = 1;

/// A slope leads no further than this.
const AHEAD_FRAMES: u64 = 3;

/// Frames below half of the amplitude until a sound counts as ended: bridges
/// the loss of a 20 ms packet.
const END_FRAMES: u32 = 3;

/// The two tracks of a dual sound begin within this many frames.
const TOGETHER_FRAMES: u64 = 3;

/// A sweep is what moves by more than this share of its frequency in at least
/// so many frames: codecs bend beginnings.
const SWEPT: f32 = 0.03;
const SWEPT_FRAMES: u32 = 8;

/// Sums for a straight line through a track's frequencies.
#[derive(Debug, Clone, Copy, Default)]
struct Regression {
    n: f32,
    t: f32,
    tt: f32,
    x: f32,
    tx: f32,
    xx: f32,
}

impl Regression {
    fn add(&mut self, t: f32, x: f32) {
        self.n += 1.0;
        self.t += t;
        self.tt += t * t;
        self.x += x;
        self.tx += t * x;
        self.xx += x * x;
    }

    fn slope(&self) -> f32 {
        let spread = self.n * self.tt - self.t * self.t;
        if spread > 0.0 { (self.n * self.tx - self.t * self.x) / spread } else { 0.0 }
    }

    /// Value of the line at `t`.
    fn at(&self, t: f32) -> f32 {
        let slope = self.slope();
        (self.x - slope * self.t) / self.n.max(1.0) + slope * t
    }

    /// Standard deviation from the line.
    fn deviation(&self) -> f32 {
        let n = self.n.max(1.0);
        let slope = self.slope();
        let (sxx, stx) = (self.xx - self.x * self.x / n, self.tx - self.t * self.x / n);
        ((sxx - slope * stx) / n).max(0.0).sqrt()
    }
}

/// A line over time.
#[derive(Debug, Clone, Copy, Default)]
struct Track {
    born: u64,
    last: u64,
    frames: u32,
    line: Line,
    /// Of the first frame: what `path` is relative to.
    first_hz: f32,
    path: Regression,
    amplitude: Regression,
    power: f32,
    total: f32,
    /// What was heard 30 ms before it began.
    before: f32,
}

impl Track {
    fn begin(index: u64, line: Line, total: f32, before: f32) -> Track {
        let mut track = Track { born: index, first_hz: line.hz, before, ..Track::default() };
        track.go_on(index, line, total);
        track
    }

    fn go_on(&mut self, index: u64, line: Line, total: f32) {
        let t = (index - self.born) as f32;
        // The first window is not full yet: it says little of either.
        if self.frames > 0 {
            self.path.add(t, line.hz - self.first_hz);
            self.amplitude.add(t, line.power.sqrt());
        }
        self.frames += 1;
        self.last = index;
        self.line = line;
        self.power += line.power;
        self.total += total;
    }

    /// Whether it is the same track, at another time.
    fn is(&self, other: &Track) -> bool {
        self.born == other.born && self.first_hz == other.first_hz
    }

    fn slope(&self) -> f32 {
        if self.frames >= YOUNG_FRAMES {
            self.path.slope().clamp(-SLOPE_MAX, SLOPE_MAX)
        } else {
            0.0
        }
    }

    fn expects(&self, index: u64) -> f32 {
        self.line.hz + self.slope() * (index - self.last).min(AHEAD_FRAMES) as f32
    }

    fn near(&self) -> f32 {
        if self.frames < YOUNG_FRAMES { NEAR_YOUNG_HZ } else { NEAR_HZ + 0.5 * self.slope().abs() }
    }
}

/// What is measured of a sound at a frame; what decides whether it is one.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Frames that the track has.
    pub frames: u32,
    /// Lines: 1 or 2.
    pub lines: usize,
    /// Frequency of the (lower) line now, in Hz.
    pub hz: f32,
    /// Slope, in Hz per frame.
    pub slope: f32,
    /// Standard deviation of the frequency from a straight line, in Hz.
    pub deviation_hz: f32,
    /// Variation of the amplitude: standard deviation over mean.
    pub flutter: f32,
    /// Slope of the amplitude over its mean, per frame.
    pub decay: f32,
    /// Share of the power that the lines hold.
    pub share: f32,
    /// Share of the power that is neither theirs nor the noise's that was there
    /// before.
    pub rest: f32,
    /// Power of the lines against all that was heard 30 ms before they began,
    /// in dB; high when they began out of silence.
    pub contrast_db: f32,
    /// Frequency of the higher line now, in Hz; 0 if there is one only.
    pub hz2: f32,
}

/// A sound.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    /// Where it begins.
    pub start: Instant,
    /// Where it ends; `None` while it lasts.
    pub end: Option<Instant>,
    /// How many lines: 1 or 2.
    pub lines: usize,
    /// Frequencies in Hz: of two lines strongest first, of a sweep the first
    /// and the last.
    pub hz: [f32; 2],
    /// Whether it is swept.
    pub swept: bool,
    /// Mean level.
    pub level: Dbm0,
    /// How far the odds that it is no speech are above what decides, as natural
    /// logarithm; the highest so far.
    pub odds: f32,
}

impl Steady {
    /// Frequencies as findings give them.
    pub fn frequencies(&self) -> &[f32] {
        &self.hz[..if self.swept { 2 } else { self.lines }]
    }
}

#[derive(Debug, Clone, Copy)]
struct Sounding {
    sound: Steady,
    tracks: [Track; 2],
    /// Mean power of the frames that are not cut by an edge.
    plateau: f32,
    /// The last frame in which it was heard, and the amplitude in it.
    heard: u64,
    heard_amplitude: f32,
    /// Amplitude in the first frame after it.
    after_amplitude: f32,
    low_frames: u32,
    power_sum: f32,
    power_frames: f32,
}

/// What a frame brought.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// A sound is there.
    Began(Steady),
    /// The sound that was there has ended.
    Ended(Steady),
}

/// Follows the steady sounds of one side.
#[derive(Debug, Clone)]
pub struct SteadySounds {
    tracks: [Option<Track>; TRACKS],
    sounding: Option<Sounding>,
    /// Allocated as they are: on the way through a stack they would dirty it.
    recent: Box<[[f32; BINS]]>,
    /// Their power within the band.
    totals: [f32; RECENT],
    /// Power of the noise: the least of late.
    noise: f32,
    /// Consecutive frames in `recent`.
    whole: u32,
    missing: u32,
}

impl Default for SteadySounds {
    fn default() -> Self {
        SteadySounds {
            tracks: [None; TRACKS],
            sounding: None,
            recent: vec![[0.0; BINS]; RECENT].into(),
            totals: [0.0; RECENT],
            noise: NOISE_LEAST,
            whole: 0,
            missing: 0,
        }
    }
}

/// The middle of a frame's window, in samples.
pub fn middle(index: u64) -> f32 {
    ((index + 1) * HOP as u64) as f32 - (WINDOW / 2) as f32
}

impl SteadySounds {
    /// The sound that is there, if any.
    pub fn sounding(&self) -> Option<&Steady> {
        self.sounding.as_ref().map(|s| &s.sound)
    }

    /// Notes a frame whose audio is missing.
    pub fn miss(&mut self) -> Option<Change> {
        self.whole = 0;
        self.missing += 1;
        self.tracks = [None; TRACKS];
        if self.missing <= MISSING_FRAMES {
            return None;
        }
        self.finish()
    }

    /// Ends what is there where it was last heard.
    pub fn finish(&mut self) -> Option<Change> {
        let sounding = self.sounding.take()?;
        let mut sound = sounding.sound;
        sound.end = Some(Instant(middle(sounding.heard) as u64 + (WINDOW / 2) as u64));
        Some(Change::Ended(sound))
    }

    /// Takes a frame; `odds` tells from its measure how likely a track is a sound
    /// (see [`Steady::odds`]). What is likelier than `least` is followed.
    pub fn push(
        &mut self,
        index: u64,
        power: &[f32; BINS],
        lines: &Lines,
        odds: impl Fn(&Measure) -> f32,
        least: f32,
    ) -> Option<Change> {
        self.missing = 0;
        self.recent[index as usize % RECENT] = *power;
        self.totals[index as usize % RECENT] = lines.total;
        self.whole += 1;
        self.noise = lines.total.min(self.noise * NOISE_RISE + NOISE_LEAST);
        self.follow(index, lines);
        let measure = if lines.count > 0 { self.measure(index) } else { None };
        let likely = measure.map(|(m, members)| (m, members, odds(&m)));
        if let Some(sounding) = &mut self.sounding {
            if let Some((m, members, odds)) = likely
                && odds > sounding.sound.odds
                && members[0].is_some_and(|t| t.is(&sounding.tracks[0]))
            {
                sounding.sound.odds = odds;
                // The second line may take longer to show.
                if m.lines > sounding.sound.lines {
                    sounding.sound.lines = 2;
                    sounding.tracks = members.map(Option::unwrap_or_default);
                }
                sounding.describe();
            }
            return self.go_on(index, power);
        }
        let (measure, members, odds) = likely.filter(|l| l.2 > least)?;
        let mut sounding = self.begin(index, &measure, members);
        sounding.sound.odds = odds;
        self.sounding = Some(sounding);
        Some(Change::Began(sounding.sound))
    }

    /// Continues the tracks with a frame's lines.
    fn follow(&mut self, index: u64, lines: &Lines) {
        let before =
            if self.whole > 3 { self.totals[(index as usize + RECENT - 3) % RECENT] } else { 0.0 };
        for line in &lines.lines[..lines.count] {
            let near = |t: &Track| t.last < index && (t.expects(index) - line.hz).abs() <= t.near();
            match self.tracks.iter_mut().flatten().find(|t| near(t)) {
                Some(track) => track.go_on(index, *line, lines.total),
                None => {
                    let slot = (0..TRACKS)
                        .min_by_key(|n| self.tracks[*n].map_or(0, |t| 1 + t.last))
                        .expect("there are tracks");
                    self.tracks[slot] = Some(Track::begin(index, *line, lines.total, before));
                }
            }
        }
        for slot in &mut self.tracks {
            if slot.is_some_and(|t| t.last + TRACK_GAP_FRAMES < index) {
                *slot = None;
            }
        }
    }

    /// The strongest track of this frame, with the one that began along with
    /// it, if any.
    fn measure(&self, index: u64) -> Option<(Measure, [Option<Track>; 2])> {
        let now = || self.tracks.iter().flatten().filter(|t| t.last == index);
        let first = now().max_by(|a, b| a.power.total_cmp(&b.power))?;
        let second = now()
            .filter(|t| t.born != first.born || t.line.hz != first.line.hz)
            .filter(|t| {
                t.born.abs_diff(first.born) <= TOGETHER_FRAMES && t.frames + 3 >= first.frames
            })
            .max_by(|a, b| a.power.total_cmp(&b.power));
        let single = first.power / first.total;
        let pair = second.map(|s| (s, single + s.power / s.total));
        let flutter = |t: &Track| t.amplitude.deviation() * t.amplitude.n / t.amplitude.x.max(1e-9);
        let mut measure = Measure {
            frames: first.frames,
            lines: 1,
            hz: first.line.hz,
            slope: first.slope(),
            deviation_hz: first.path.deviation(),
            flutter: flutter(first),
            decay: first.amplitude.slope() * first.amplitude.n / first.amplitude.x.max(1e-9),
            share: single,
            rest: 0.0,
            contrast_db: db(first.power / first.frames as f32) - db(first.before),
            hz2: 0.0,
        };
        let mut members = [Some(*first), None];
        // A second line counts when it explains much of what the first leaves.
        if let Some((second, share)) = pair
            && 1.0 - share < 0.5 * (1.0 - single)
        {
            measure.lines = 2;
            measure.frames = measure.frames.min(second.frames);
            measure.hz2 = measure.hz.max(second.line.hz);
            measure.hz = measure.hz.min(second.line.hz);
            measure.deviation_hz = measure.deviation_hz.max(second.path.deviation());
            measure.flutter = measure.flutter.max(flutter(second));
            measure.share = share;
            members[1] = Some(*second);
        }
        let noise = NOISE_MARGIN * self.noise * first.frames as f32 / first.total;
        let rest = 1.0 - measure.share;
        measure.rest = (rest - noise).max((1.0 - NOISE_MOST) * rest);
        Some((measure, members))
    }

    fn begin(&self, index: u64, measure: &Measure, members: [Option<Track>; 2]) -> Sounding {
        let tracks = members.map(Option::unwrap_or_default);
        let tracks_now = &tracks[..measure.lines];
        let born = tracks_now.iter().map(|t| t.born).min().expect("there is a track");
        let plateau: f32 = tracks_now
            .iter()
            .map(|t| {
                let mean = t.amplitude.x / t.amplitude.n.max(1.0);
                mean * mean
            })
            .sum();
        // Backwards from the track's second frame to where half is crossed.
        let half = 0.5 * plateau.sqrt();
        let amplitude = |at: u64| -> f32 {
            let power = &self.recent[at as usize % RECENT];
            let lobe_at = |t: &Track| {
                let hz = t.first_hz + t.path.at(at as f32 - t.born as f32);
                lobe(power, bin_of(hz))
            };
            tracks_now.iter().map(lobe_at).sum::<f32>().sqrt()
        };
        let oldest = index + 1 - u64::from(self.whole.min(RECENT as u32));
        let mut at = (born + 1).min(index).max(oldest);
        let mut here = amplitude(at);
        let start = loop {
            if at == oldest {
                // Something as strong went before, or the audio begins here.
                let whole = self.whole as usize > RECENT;
                break if whole { middle(born) } else { middle(at) - (WINDOW / 2) as f32 };
            }
            let before = amplitude(at - 1);
            if before < half && here >= half {
                break middle(at - 1) + HOP as f32 * (half - before) / (here - before);
            }
            at -= 1;
            here = before;
        };
        let sound = Steady {
            start: Instant(start as u64),
            end: None,
            lines: measure.lines,
            hz: [0.0; 2],
            swept: false,
            level: Dbm0::of_power(plateau),
            odds: 0.0,
        };
        let mut sounding = Sounding {
            sound,
            tracks,
            plateau,
            heard: index,
            heard_amplitude: plateau.sqrt(),
            after_amplitude: 0.0,
            low_frames: 0,
            power_sum: plateau,
            power_frames: 1.0,
        };
        sounding.describe();
        sounding
    }

    fn go_on(&mut self, index: u64, power: &[f32; BINS]) -> Option<Change> {
        let sounding = self.sounding.as_mut()?;
        let lines = sounding.sound.lines;
        let mut heard = 0.0;
        for member in &mut sounding.tracks[..lines] {
            let now = || self.tracks.iter().flatten();
            if let Some(track) = now().find(|t| t.is(member)) {
                *member = *track;
            } else if let Some(track) =
                now().find(|t| t.last == index && (t.line.hz - member.line.hz).abs() <= NEAR_HZ)
            {
                // Found again after an interruption.
                member.line = track.line;
                member.last = index;
            }
            heard += lobe(power, bin_of(member.expects(index)));
        }
        let amplitude = heard.sqrt();
        let half = 0.5 * sounding.plateau.sqrt();
        if amplitude >= half && sounding.tracks[0].last + LOST_FRAMES >= index {
            sounding.heard = index;
            sounding.heard_amplitude = amplitude;
            sounding.low_frames = 0;
            sounding.power_sum += heard;
            sounding.power_frames += 1.0;
            sounding.plateau += 0.125 * (heard - sounding.plateau);
            return None;
        }
        if sounding.low_frames == 0 {
            sounding.after_amplitude = amplitude.min(half);
        }
        sounding.low_frames += 1;
        if sounding.low_frames < END_FRAMES {
            return None;
        }
        let (here, after) = (sounding.heard_amplitude, sounding.after_amplitude);
        let end = middle(sounding.heard)
            + HOP as f32 * ((here - half) / (here - after).max(1e-9)).clamp(0.0, 1.0);
        sounding.describe();
        let mut sound = sounding.sound;
        sound.end = Some(Instant(end as u64).max(sound.start));
        sound.level = Dbm0::of_power(sounding.power_sum / sounding.power_frames);
        self.sounding = None;
        Some(Change::Ended(sound))
    }
}

impl Sounding {
    /// Brings the frequencies up to date.
    fn describe(&mut self) {
        let sound = &mut self.sound;
        let mean = |t: &Track| t.first_hz + t.path.x / t.path.n.max(1.0);
        let first = &self.tracks[0];
        let t = (first.last - first.born) as f32;
        let (from, to) = (first.first_hz + first.path.at(0.0), first.first_hz + first.path.at(t));
        sound.swept = sound.lines == 1
            && first.frames >= SWEPT_FRAMES
            && (to - from).abs() > (SWEPT * from).max(BIN_HZ);
        sound.hz = if sound.swept {
            [from, to]
        } else {
            [mean(first), if sound.lines == 2 { mean(&self.tracks[1]) } else { 0.0 }]
        };
    }
}
