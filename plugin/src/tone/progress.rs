//! Call progress tones: pulses of the plans' frequencies in the plans' cadences.

use super::{
    MISSING_FRAMES,
    lines::BIN_HZ,
    plan::{PlannedTone, Plans},
    steady::{Steady, middle},
    zoom::{History, Zoom},
};
use crate::{
    audio::{BINS, HOP, WINDOW},
    finding::{Instant, RATE_HZ, ToneKind},
    level::{Dbm0, db},
};

/// Where the power of call progress tones is: 281 to 656 Hz.
const LOW_BAND: std::ops::RangeInclusive<usize> = 9..=21;

/// A pulse begins in a frame that has this share of its power there, and goes
/// on as long as it has the other.
const SHARE_BEGIN: f32 = 0.8;
const SHARE_GO_ON: f32 = 0.6;

/// Quietest pulse: 3 dB below −35 dBm0 of a tone of two frequencies.
const FLOOR: Dbm0 = Dbm0(-43.0);

/// Frames below half of the amplitude until a pulse has ended: tones with
/// 16 Hz of modulation stay below for up to four.
const END_FRAMES: u32 = 5;

/// A pulse is looked at closely when it has lasted this many frames, and again
/// whenever it has lasted as many more.
const LOOK_FRAMES: u32 = 30;

/// Shortest pulse, in samples: the shortest of the plans has 175 ms.
const SHORTEST: u64 = 1_000;

/// Share of the power that its lines hold in a pulse of a tone. Through GSM and
/// G.729 they hold some .9; vowels reach .8, but hold no cadence.
const SHARE_OF_LINES: f32 = 0.7;

/// Standard deviation that a pulse's level may have, in dB: 16 Hz of full
/// modulation make 6 dB.
const UNSTEADY_DB: f32 = 7.0;

/// A continuous tone of one frequency is known after this long; later where
/// somebody spoke before: beeps last up to 3 s.
const CONTINUOUS: u64 = (1.9 * RATE_HZ as f32) as u64;
const CONTINUOUS_AFTER_SPEECH: u64 = (3.3 * RATE_HZ as f32) as u64;

/// One pulse of one frequency tells the tone when it is this long and nobody
/// spoke before.
const TELLING: u64 = (0.7 * RATE_HZ as f32) as u64;

/// A pulse that begins this soon after the audio does may have begun before it.
pub const CUT: u64 = 400;

/// Pulses remembered: the longest cadence has two.
const PULSES: usize = 5;

/// How far the edges of a sound and of its pulse may be apart, in samples.
const SLACK: u64 = 800;

/// Levels of alternating pulses differ by at least this share of what is planned.
const ALTERNATING_SHARE: f32 = 0.6;

#[derive(Debug, Clone, Copy, Default)]
struct Pulse {
    start: u64,
    end: u64,
    /// Bits of the signals that it may be.
    signals: u32,
    /// Mean power.
    power: f32,
    /// Its beginning was not heard.
    cut: bool,
}

impl Pulse {
    fn samples(&self) -> f32 {
        (self.end - self.start) as f32
    }
}

/// A pulse that is sounding.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    first: u64,
    frames: u32,
    /// 0 until it is known.
    start: u64,
    cut: bool,
    plateau: f32,
    power: f32,
    db: f32,
    db_squared: f32,
    low_frames: u32,
    heard: u64,
    heard_amplitude: f32,
    after_amplitude: f32,
    /// Of the last close look.
    signals: Option<u32>,
    hz: [f32; 4],
    lines: usize,
}

/// A tone that was recognised.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Which.
    pub kind: ToneKind,
    /// The plans that it may be of, `/` between them.
    pub plans: String,
    /// Beginning of its first pulse.
    pub start: Instant,
    /// End of its last; `None` while it lasts.
    pub end: Option<Instant>,
    /// Its frequencies in Hz, ascending.
    pub hz: [f32; 4],
    /// How many.
    pub lines: usize,
    /// Level within the pulses.
    pub level: Dbm0,
}

#[derive(Debug, Clone)]
struct Known {
    progress: Progress,
    signals: u32,
    /// The longest pulse and pause that it may have, in samples.
    longest_on: f32,
    longest_off: f32,
    /// End of its last pulse.
    last_end: u64,
}

/// Follows the call progress tones of one side.
#[derive(Debug, Clone, Default)]
pub struct ProgressTones {
    run: Option<Run>,
    recent: [f32; 8],
    whole: u32,
    missing: u32,
    pulses: [Pulse; PULSES],
    count: usize,
    known: Option<Known>,
}

/// What a frame is seen with.
pub struct Context<'a> {
    /// The plans.
    pub plans: &'a Plans,
    /// For the closer look.
    pub zoom: &'a mut Zoom,
    /// The side's last samples.
    pub history: &'a History,
    /// Somebody spoke in the last seconds.
    pub spoken: bool,
}

impl ProgressTones {
    /// Whether a tone is there, pauses of its cadence included.
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Whether a pulse of a plan's frequencies sounds now.
    pub fn is_pulsing(&self) -> bool {
        self.run.is_some_and(|run| run.signals.unwrap_or(0) != 0)
    }

    /// Whether anything sounds that is a pulse or may become one.
    pub fn is_sounding(&self) -> bool {
        self.run.is_some()
    }

    /// Whether what sounds now may be a pulse.
    pub fn may_be_pulsing(&self) -> bool {
        self.run.is_some_and(|run| run.frames > 3 && run.signals.is_none())
    }

    /// If a sound may be a pulse of a plan: the longest pause, in samples, after
    /// which the next pulse would follow.
    pub fn claims(&self, plans: &Plans, sound: &Steady) -> Option<u64> {
        let end = sound.end.unwrap_or(sound.start).0;
        let within = |start: u64, until: u64| {
            sound.start.0 + SLACK >= start && end <= until.saturating_add(SLACK)
        };
        let pause = |signals: u32, samples: f32| {
            let has = |t: &&PlannedTone| {
                t.cadence.iter().step_by(2).any(|on| t.misfit(*on, samples) <= 1.0)
            };
            let tones = plans.tones_of(signals).filter(has);
            tones.map(PlannedTone::longest_off).reduce(f32::max).map(|pause| pause as u64)
        };
        if let Some(run) = &self.run
            && within(run.start, u64::MAX)
        {
            // It has not ended: no shorter than this.
            let all = run.signals.unwrap_or(u32::MAX);
            return plans.tones_of(all).map(|t| t.longest_off() as u64).max();
        }
        let pulse = self.pulses[..self.count].iter().rev().find(|p| within(p.start, p.end))?;
        pause(pulse.signals, pulse.samples())
    }

    /// Notes a frame whose audio is missing.
    pub fn miss(&mut self) -> Option<Progress> {
        self.whole = 0;
        self.missing += 1;
        if self.missing < MISSING_FRAMES {
            // Pauses are not measured by what was not heard.
            if let Some(known) = &mut self.known {
                known.last_end += HOP as u64;
            }
            return None;
        }
        self.run = None;
        self.count = 0;
        self.finish()
    }

    /// Ends what is there where it was last heard.
    pub fn finish(&mut self) -> Option<Progress> {
        let mut known = self.known.take()?;
        if let Some(run) = &self.run
            && run.start > 0
            && run.signals.unwrap_or(known.signals) & known.signals != 0
        {
            known.last_end = middle(run.heard) as u64 + (WINDOW / 2) as u64;
        }
        Some(known.ended())
    }

    /// Takes a frame; hands what became known to `sink`.
    pub fn push(
        &mut self,
        index: u64,
        power: &[f32; BINS],
        total: f32,
        context: &mut Context,
        sink: &mut impl FnMut(Progress),
    ) {
        self.missing = 0;
        let low: f32 = power[LOW_BAND].iter().sum();
        self.recent[index as usize % self.recent.len()] = low;
        self.whole += 1;
        match self.run {
            Some(_) => self.go_on(index, low, total, context, sink),
            None if low >= SHARE_BEGIN * total && Dbm0::of_power(low) >= FLOOR => {
                self.run = Some(Run { first: index, heard: index, ..Run::default() });
                self.go_on(index, low, total, context, sink);
            }
            None => {}
        }
        let over = |k: &Known| {
            self.run.is_none() && middle(index) - k.last_end as f32 > k.longest_off + HOP as f32
        };
        if self.known.as_ref().is_some_and(over) {
            sink(self.known.take().expect("checked").ended());
            self.count = 0;
        }
    }

    fn go_on(
        &mut self,
        index: u64,
        low: f32,
        total: f32,
        context: &mut Context,
        sink: &mut impl FnMut(Progress),
    ) {
        let Some(run) = &mut self.run else { return };
        let amplitude = low.sqrt();
        // The first two windows may be cut by the edge.
        if run.frames < 3 {
            run.plateau = run.plateau.max(low);
        }
        let half = 0.5 * run.plateau.sqrt();
        if amplitude < half || low < SHARE_GO_ON * total {
            if run.low_frames == 0 {
                run.after_amplitude = amplitude.min(half);
            }
            run.low_frames += 1;
            if run.low_frames >= END_FRAMES {
                self.pulse_ends(context, sink);
            }
            return;
        }
        run.low_frames = 0;
        run.heard = index;
        run.heard_amplitude = amplitude;
        run.frames += 1;
        if run.frames <= 3 {
            return;
        }
        if run.frames == 4 {
            self.find_start();
        }
        let Some(run) = &mut self.run else { return };
        run.plateau += 0.125 * (low - run.plateau);
        let level = db(low);
        run.power += low;
        run.db += level;
        run.db_squared += level * level;
        if run.frames.is_multiple_of(LOOK_FRAMES) {
            let end = (index + 1) * HOP as u64;
            self.look(context, end);
            self.judge_sounding(end, context, sink);
        }
    }

    /// Backwards from the run's first frame to where half is crossed.
    fn find_start(&mut self) {
        let Some(run) = &mut self.run else { return };
        let slots = self.recent.len();
        let half = 0.5 * run.plateau.sqrt();
        let oldest = run.heard + 1 - u64::from(self.whole.min(slots as u32));
        let amplitude = |at: u64| self.recent[at as usize % slots].sqrt();
        let mut at = (run.first + 1).max(oldest);
        let start = loop {
            if at == oldest {
                run.cut = true;
                break middle(at) - (WINDOW / 2) as f32;
            }
            let (before, here) = (amplitude(at - 1), amplitude(at));
            if before < half && here >= half {
                break middle(at - 1) + HOP as f32 * (half - before) / (here - before);
            }
            at -= 1;
        };
        run.start = start as u64;
        run.cut |= run.start < CUT;
    }

    /// Looks closely at the sounding pulse.
    fn look(&mut self, context: &mut Context, end: u64) {
        let Some(run) = &mut self.run else { return };
        let n = (run.frames - 3).max(1) as f32;
        let mean = run.db / n;
        let unsteady = (run.db_squared / n - mean * mean).max(0.0).sqrt();
        if unsteady > UNSTEADY_DB {
            run.signals = Some(0);
            return;
        }
        // Not the edge itself.
        let look = context.zoom.look(context.history, run.start + HOP as u64, end);
        let signals = if look.share >= SHARE_OF_LINES {
            context.plans.signals_of(look.frequencies())
        } else {
            0
        };
        run.signals = Some(signals);
        run.hz = look.hz;
        run.lines = look.count;
    }

    /// Tells what can be told while a pulse sounds.
    fn judge_sounding(&mut self, now: u64, context: &Context, sink: &mut impl FnMut(Progress)) {
        let Some(run) = self.run else { return };
        let signals = run.signals.unwrap_or(0);
        let lasted = (now - run.start) as f32;
        if let Some(known) = &self.known {
            if known.signals & signals == 0 || lasted > known.longest_on {
                sink(self.known.take().expect("checked").ended());
                self.count = 0;
            }
            return;
        }
        if signals == 0 {
            return;
        }
        let may_be = |t: &&PlannedTone| lasted <= t.longest_on();
        let Some(kind) = only_kind(context.plans.tones_of(signals).filter(may_be)) else {
            return;
        };
        let wait = if context.spoken { CONTINUOUS_AFTER_SPEECH } else { CONTINUOUS };
        if run.lines == 1 && (kind != ToneKind::Dial || lasted < wait as f32) {
            return;
        }
        let pulse = Pulse { start: run.start, end: now, signals, power: run.mean(), cut: run.cut };
        let tones: Vec<&PlannedTone> =
            context.plans.tones_of(signals).filter(|t| t.kind == kind && may_be(t)).collect();
        self.tell(kind, &tones, &run, pulse.start, pulse, sink);
    }

    fn pulse_ends(&mut self, context: &mut Context, sink: &mut impl FnMut(Progress)) {
        let Some(run) = self.run else { return };
        let half = 0.5 * run.plateau.sqrt();
        let fall = (run.heard_amplitude - run.after_amplitude).max(1e-9);
        let share = ((run.heard_amplitude - half) / fall).clamp(0.0, 1.0);
        let end = (middle(run.heard) + HOP as f32 * share) as u64;
        if run.frames <= 3 || end < run.start + SHORTEST {
            self.run = None;
            return;
        }
        if run.signals.is_none() || run.frames < 2 * LOOK_FRAMES {
            self.look(context, end - HOP as u64);
        }
        let run = self.run.take().expect("checked");
        let signals = run.signals.unwrap_or(0);
        let pulse = Pulse { start: run.start, end, signals, power: run.mean(), cut: run.cut };
        if let Some(known) = &mut self.known {
            if known.signals & signals != 0 {
                // The last pulse may be cut short.
                known.last_end = end;
                if known.longest_on.is_infinite() {
                    sink(self.known.take().expect("checked").ended());
                    self.count = 0;
                }
            }
            return;
        }
        if signals == 0 {
            self.count = 0;
            return;
        }
        if self.count == PULSES {
            self.pulses.rotate_left(1);
            self.count -= 1;
        }
        self.pulses[self.count] = pulse;
        self.count += 1;
        self.judge_cadence(&run, context, sink);
    }

    /// Tells what can be told from the pulses so far.
    fn judge_cadence(&mut self, run: &Run, context: &Context, sink: &mut impl FnMut(Progress)) {
        loop {
            let pulses = &self.pulses[..self.count];
            let Some(newest) = pulses.last().copied() else {
                return;
            };
            let common = pulses.iter().fold(u32::MAX, |mask, p| mask & p.signals);
            let mut fits: Vec<(&PlannedTone, f32)> = context
                .plans
                .tones_of(common)
                .filter_map(|t| fit(t, pulses).map(|misfit| (t, misfit)))
                .collect();
            if fits.is_empty() {
                if self.count == 1 {
                    if !newest.cut {
                        self.count = 0;
                    }
                    return;
                }
                // Perhaps the older ones do not belong to it.
                self.pulses.rotate_left(1);
                self.count -= 1;
                continue;
            }
            fits.sort_by(|a, b| a.1.total_cmp(&b.1));
            let kind = fits[0].0.kind;
            let tells = if self.count > 1 {
                pulses.len() > 2 || !pulses[0].cut || kind == ToneKind::Ringback
            } else {
                let told_by_one = run.lines > 1 || newest.end - newest.start >= TELLING;
                let only = only_kind(fits.iter().map(|f| f.0)).is_some();
                !newest.cut && !context.spoken && only && told_by_one
            };
            if tells {
                let nearest = fits[0].1 + 0.15;
                let tones: Vec<&PlannedTone> = fits
                    .iter()
                    .filter(|(t, misfit)| t.kind == kind && *misfit <= nearest)
                    .map(|f| f.0)
                    .collect();
                let start = pulses[0].start;
                self.tell(kind, &tones, run, start, newest, sink);
            }
            return;
        }
    }

    fn tell(
        &mut self,
        kind: ToneKind,
        tones: &[&PlannedTone],
        run: &Run,
        start: u64,
        newest: Pulse,
        sink: &mut impl FnMut(Progress),
    ) {
        let mut plans: Vec<&str> = tones.iter().map(|t| t.plan.as_str()).collect();
        plans.dedup();
        let progress = Progress {
            kind,
            plans: plans.join("/"),
            start: Instant(start),
            end: None,
            hz: run.hz,
            lines: run.lines,
            level: Dbm0::of_power(newest.power),
        };
        sink(progress.clone());
        let longest = |f: fn(&PlannedTone) -> f32| tones.iter().map(|t| f(t)).fold(0.0, f32::max);
        self.known = Some(Known {
            progress,
            signals: newest.signals,
            longest_on: longest(PlannedTone::longest_on),
            longest_off: longest(PlannedTone::longest_off),
            last_end: newest.end,
        });
    }
}

impl Run {
    fn mean(&self) -> f32 {
        self.power / (self.frames.max(4) - 3) as f32
    }
}

impl Known {
    fn ended(self) -> Progress {
        Progress { end: Some(Instant(self.last_end)), ..self.progress }
    }
}

/// The kind that all tones are of.
fn only_kind<'a>(mut tones: impl Iterator<Item = &'a PlannedTone>) -> Option<ToneKind> {
    let kind = tones.next()?.kind;
    tones.all(|t| t.kind == kind).then_some(kind)
}

/// How badly pulses fit a tone's cadence, on average; `None` when they do not.
fn fit(tone: &PlannedTone, pulses: &[Pulse]) -> Option<f32> {
    let length = tone.cadence.len();
    if length == 0 {
        return None;
    }
    if tone.alternating_db > 0.0 || pulses.len() > 1 {
        let step = |w: &[Pulse]| db(w[1].power / w[0].power).abs();
        let limit = ALTERNATING_SHARE * tone.alternating_db.max(10.0);
        let alternates = pulses.len() > 1 && pulses.windows(2).all(|w| step(w) >= limit);
        if alternates != (tone.alternating_db > 0.0) {
            return None;
        }
    }
    let mut best: Option<f32> = None;
    for rotation in (0..length).step_by(2) {
        let (mut sum, mut worst, mut n) = (0.0f32, 0.0f32, 0);
        let mut add = |misfit: f32| {
            sum += misfit;
            worst = worst.max(misfit);
            n += 1;
        };
        for (at, pulse) in pulses.iter().enumerate() {
            let on = tone.cadence[(rotation + 2 * at) % length];
            if !pulse.cut {
                add(tone.misfit(on, pulse.samples()));
            }
            if let Some(next) = pulses.get(at + 1) {
                let off = tone.cadence[(rotation + 2 * at + 1) % length];
                add(tone.misfit(off, (next.start - pulse.end) as f32));
            }
        }
        if n > 0 && worst <= 1.0 {
            let misfit = sum / n as f32;
            best = Some(best.map_or(misfit, |b| b.min(misfit)));
        }
    }
    best
}

// The low band holds the plans' frequencies with the lobes of the window.
const _: () = assert!((*LOW_BAND.start() as f32) * BIN_HZ < 350.0 - 62.0);
const _: () = assert!((*LOW_BAND.end() as f32) * BIN_HZ > 620.0 + 31.0);
