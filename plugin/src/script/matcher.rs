//! From a stream of codes to named scripts.
//!
//! Every code is looked up. A position found becomes a candidate if the codes
//! of the last half second agree as well; a candidate is compared backwards in
//! time, at several tempos, and becomes a track: an alignment of the call with
//! a recording, and the evidence for it. The tracks of one script add up, be
//! they separated by a slot or in different recordings. When the sum suffices,
//! rivals that share the stretch are looked for, and the script, or the group,
//! is named.

use super::{Code, HOPS_PER_CODE, Index, REFERENCE_STEP, evidence, index::Recording, span_samples};
use crate::{
    audio::HOP,
    finding::{Instant, ScriptEvidence},
    limits,
};

/// Codes of the call that are remembered (20 ms each): the longest window at
/// the slowest tempo.
const HISTORY: usize = 1024;

/// Differing bits up to which a position found is a candidate, of 64.
const CANDIDATE_BITS: u32 = 22;

/// Codes (80 ms apart) that must agree with a candidate, to within
/// [`CANDIDATE_BITS`] each on average.
const CANDIDATE_CODES: u32 = 7;

/// Tempos tried, as codes of the call per code of the recording (2 = as it
/// was): ±9.8 % in steps of 1.4 %.
const TEMPO_STEP: f32 = 0.014;
const TEMPO_STEPS: i32 = 7;

/// Shifts tried around a candidate, in codes of the call (20 ms).
const SHIFTS: std::ops::RangeInclusive<i64> = -1..=1;

/// A track is compared anew after this many codes (100 ms).
const RECHECK_CODES: u64 = 5;

/// Comparisons made at most for one code of the call, so that no audio, and no
/// catalogue of scripts that are much alike, makes a push take long: about a
/// millisecond.
const COMPARISONS_PER_CODE: u32 = 32;

/// Positions this far apart (in reference codes, 40 ms) belong to one alignment.
const SAME_ALIGNMENT: i64 = 3;

/// Confidence at which a match is reported anew.
const LEVELS: [f32; 4] = [0.9, 0.99, 0.999, 0.9999];

/// Tracks kept. More alignments than this at a time are rivals of one stretch.
const TRACKS: usize = 32;

/// An alignment of the call with a recording.
#[derive(Debug, Clone, Copy)]
struct Track {
    script: u32,
    recording: u32,
    /// When it was last compared, found better or not.
    compared_at: u64,
    /// Latest code of the call compared, and the position it agrees with.
    code: u64,
    position: u32,
    /// Codes of the call per reference code.
    pace: f32,
    best: Comparison,
    /// Code of the call at which `best` was reached.
    best_at: u64,
    best_position: u32,
}

/// The outcome of comparing a stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Comparison {
    decades: f32,
    /// Reference codes that the stretch spans.
    span: u32,
    compared: u32,
    errors: u32,
}

impl Comparison {
    /// Of alignments so good that the floor makes them equal, the one with the
    /// fewest wrong bits is the true one.
    fn betters(&self, other: &Comparison) -> bool {
        let rate = |c: &Comparison| c.errors as f32 / c.compared as f32;
        self.decades > other.decades || self.decades == other.decades && rate(self) < rate(other)
    }
}

/// How codes differ, where there are codes on both sides.
#[derive(Debug, Clone, Copy, Default)]
struct Errors {
    compared: u32,
    bits: u32,
    /// The same with a floor for every code: what evidence is judged by.
    distance: u32,
}

impl Errors {
    fn add(&mut self, heard: u64, reference: u64) {
        if heard != 0 && reference != 0 {
            let bits = (heard ^ reference).count_ones();
            self.compared += 1;
            self.bits += bits;
            self.distance += bits.max(evidence::FLOOR_BITS);
        }
    }
}

impl Track {
    /// The codes of the call that the best stretch covers.
    fn stretch(&self) -> std::ops::RangeInclusive<u64> {
        let span = (self.best.span.saturating_sub(1) as f32 * self.pace) as u64;
        self.best_at.saturating_sub(span)..=self.best_at
    }

    fn overlaps(&self, other: &Track) -> bool {
        let (a, b) = (self.stretch(), other.stretch());
        a.start() <= b.end() && b.start() <= a.end()
    }

    /// Whether both can be stretches of one playback of a script: at different
    /// times of the call and, in the same recording, in its order, apart by a
    /// slot at most.
    fn goes_with(&self, other: &Track) -> bool {
        let shift =
            |t: &Track| i64::from(t.best_position) * REFERENCE_STEP as i64 - t.best_at as i64;
        let in_order = (self.best_at < other.best_at) == (self.best_position < other.best_position)
            && shift(self).abs_diff(shift(other)) <= evidence::SLOT_CODES;
        !self.overlaps(other) && (self.recording != other.recording || in_order)
    }

    /// Where the alignment expects the recording to be at a code of the call.
    fn expects(&self, code: u64) -> i64 {
        let ahead = (code as f32 - self.code as f32) / self.pace;
        i64::from(self.position) + (ahead + if ahead < 0.0 { -0.5 } else { 0.5 }) as i64
    }
}

/// What has been named: a script, or a group of them.
struct Named {
    group: Vec<u32>,
    level: u8,
}

/// What the matcher reports; the session adds the names.
pub struct Match<'a> {
    /// Counted from 0 per session.
    pub match_id: u32,
    /// The script, as numbered by the catalogue.
    pub script: u32,
    /// The node of the best stretch.
    pub node: u32,
    /// All scripts that it may be, if more than one.
    pub among: &'a [u32],
    /// Probability that the naming is right.
    pub confidence: f32,
    /// Where in the call the earliest stretch begins.
    pub heard_from: Instant,
    /// Where in its recording it begins, in samples.
    pub script_from: u64,
    /// The numbers.
    pub evidence: ScriptEvidence,
}

/// Follows one side of one call.
pub struct Matcher {
    history: Box<[u64; HISTORY]>,
    tracks: Vec<Track>,
    named: Vec<Named>,
    /// Codes so far that were not silence: how often chance has been tried.
    speech_codes: u64,
    /// Comparisons that may still be made for the present code.
    comparisons: u32,
}

impl Default for Matcher {
    fn default() -> Self {
        Matcher {
            history: Box::new([0; HISTORY]),
            tracks: Vec::new(),
            named: Vec::new(),
            speech_codes: 0,
            comparisons: 0,
        }
    }
}

impl Matcher {
    /// Takes the code with the given number (they come in order, gaps in the
    /// numbers only after a restart) and hands what it makes known to `sink`.
    pub fn push(&mut self, index: &Index, number: u64, code: &Code, mut sink: impl FnMut(Match)) {
        self.history[number as usize % HISTORY] = code.bits;
        if code.bits == 0 {
            return;
        }
        self.speech_codes += 1;
        self.comparisons = COMPARISONS_PER_CODE;
        let mut changed: Vec<u32> = Vec::new();
        index.find(code, |position| {
            if (index.code(position) ^ code.bits).count_ones() <= CANDIDATE_BITS
                && let Some(script) = self.consider(index, number, position, RECHECK_CODES)
                && !changed.contains(&script)
            {
                changed.push(script);
            }
        });
        for script in changed {
            self.judge(index, number, script, &mut sink);
        }
    }

    /// The call lost so much that nothing before counts as its past.
    pub fn forget(&mut self) {
        self.history.fill(0);
    }

    /// The code `back` codes before a code of the call; 0 where there is none.
    fn heard(&self, number: u64, back: i64) -> u64 {
        match number.checked_add_signed(-back) {
            Some(n) if (0..HISTORY as i64).contains(&back) => self.history[n as usize % HISTORY],
            _ => 0,
        }
    }

    /// Follows up a position found, unless its alignment was compared less than
    /// `rest` codes ago; the script whose evidence grew by it.
    fn consider(&mut self, index: &Index, number: u64, position: u32, rest: u64) -> Option<u32> {
        let (recording_number, recording) = index.recording_at(position);
        let same = |t: &Track| {
            t.recording == recording_number
                && (t.expects(number) - i64::from(position)).abs() <= SAME_ALIGNMENT
        };
        let known = self.tracks.iter().position(same);
        match known {
            Some(at) if number < self.tracks[at].compared_at + rest => return None,
            None if !self.agrees(index, &recording, number, position) => return None,
            _ => {}
        }
        self.comparisons = self.comparisons.checked_sub(1)?;
        let (found, pace, shift) = self.compare(index, &recording, number, position);
        let code = number.saturating_add_signed(shift);
        match known {
            Some(at) => {
                let track = &mut self.tracks[at];
                track.compared_at = number;
                (track.code, track.position, track.pace) = (code, position, pace);
                if found.decades <= track.best.decades {
                    return None;
                }
                (track.best, track.best_at, track.best_position) = (found, code, position);
                Some(recording.script)
            }
            None if found.decades >= evidence::KEEP => {
                self.add(Track {
                    script: recording.script,
                    recording: recording_number,
                    compared_at: number,
                    code,
                    position,
                    pace,
                    best: found,
                    best_at: code,
                    best_position: position,
                });
                Some(recording.script)
            }
            None => None,
        }
    }

    fn add(&mut self, track: Track) {
        if self.tracks.len() == TRACKS {
            let weakest = (0..TRACKS)
                .min_by(|a, b| {
                    self.tracks[*a].best.decades.total_cmp(&self.tracks[*b].best.decades)
                })
                .expect("there are tracks");
            self.tracks.swap_remove(weakest);
        }
        self.tracks.push(track);
    }

    /// Whether the last half second agrees too.
    fn agrees(&self, index: &Index, recording: &Recording, number: u64, position: u32) -> bool {
        let mut errors = Errors::default();
        for n in 0..CANDIDATE_CODES {
            let Some(reference) = position.checked_sub(2 * n).filter(|p| *p >= recording.first)
            else {
                break;
            };
            errors.add(self.heard(number, 4 * i64::from(n)), index.code(reference));
        }
        errors.bits <= CANDIDATE_BITS * errors.compared
    }

    /// Compares backwards from a candidate, at all tempos and shifts; the best
    /// outcome, its pace and its shift.
    fn compare(
        &self,
        index: &Index,
        recording: &Recording,
        number: u64,
        position: u32,
    ) -> (Comparison, f32, i64) {
        let mut best = (Comparison::default(), REFERENCE_STEP as f32, 0);
        let reach = (position - recording.first + 1).min(evidence::LONGEST * 5 / 4);
        for step in -TEMPO_STEPS..=TEMPO_STEPS {
            let pace = REFERENCE_STEP as f32 * (1.0 + step as f32 * TEMPO_STEP);
            for shift in SHIFTS {
                let mut errors = Errors::default();
                let mut windows = evidence::Windows::default();
                for span in 1..=reach {
                    // Half up; the product is not negative.
                    let back = ((span - 1) as f32 * pace + 0.5) as i64 - shift;
                    errors.add(self.heard(number, back), index.code(position + 1 - span));
                    let Errors { compared, bits, distance } = errors;
                    // Four fifths speech, or it would be mostly pauses that are compared.
                    if compared * 5 < span * 4 {
                        continue;
                    }
                    let Some(decades) = windows.decades(compared, distance) else { continue };
                    let found = Comparison { decades, span, compared, errors: bits };
                    if found.betters(&best.0) {
                        best = (found, pace, shift);
                    }
                }
            }
        }
        best
    }

    /// The evidence for a script: its best track, and others that go with it.
    fn total(&self, script: u32) -> (f32, Vec<Track>) {
        let mut tracks: Vec<Track> =
            self.tracks.iter().filter(|t| t.script == script).copied().collect();
        tracks.sort_by(|a, b| b.best.decades.total_cmp(&a.best.decades));
        let mut chosen: Vec<Track> = Vec::new();
        let mut decades = 0.0;
        for track in tracks {
            let cost = if chosen.is_empty() { 0.0 } else { evidence::STRETCH };
            if track.best.decades > cost && chosen.iter().all(|c| c.goes_with(&track)) {
                decades += track.best.decades - cost;
                chosen.push(track);
            }
        }
        (decades, chosen)
    }

    /// Names a script, or the group it belongs to, if its evidence suffices.
    fn judge(&mut self, index: &Index, number: u64, script: u32, sink: &mut impl FnMut(Match)) {
        let (decades, tracks) = self.total(script);
        if decades < evidence::required(self.speech_codes) || self.settled(script) {
            return;
        }
        let lead = tracks[0];
        self.survey(index, number, &lead);
        let mut scripts: Vec<(u32, f32)> = Vec::new();
        for track in &self.tracks {
            if track.overlaps(&lead) && !scripts.iter().any(|(s, _)| *s == track.script) {
                scripts.push((track.script, self.total(track.script).0));
            }
        }
        scripts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let best = scripts[0].1;
        scripts.retain(|(_, decades)| *decades > best - evidence::MARGIN);
        scripts.truncate(limits::AMONG);
        let group: Vec<u32> = scripts.iter().map(|(script, _)| *script).collect();
        self.report(index, group, sink);
    }

    /// Whether all there is to say of a script has been said.
    fn settled(&self, script: u32) -> bool {
        self.named.iter().any(|n| n.group == [script] && usize::from(n.level) == LEVELS.len())
    }

    /// Looks for other recordings that hold the stretch: by the recording's own
    /// undisturbed codes.
    fn survey(&mut self, index: &Index, number: u64, lead: &Track) {
        let first = index.recording(lead.recording).first;
        for back in 0..lead.best.span {
            let position = lead.best_position - back;
            if position < first || index.code(position) == 0 {
                continue;
            }
            let mut others: Vec<u32> = Vec::new();
            index.find_exact(index.code(position), |other| others.push(other));
            for other in others {
                // The same place in the call as the lead's latest.
                let now = other + back;
                let (n, recording) = index.recording_at(other);
                if n != lead.recording && now < recording.first + recording.codes {
                    // Now, so that both are judged over the same audio.
                    self.consider(index, number, now, 1);
                }
            }
        }
    }

    fn report(&mut self, index: &Index, group: Vec<u32>, sink: &mut impl FnMut(Match)) {
        let script = group[0];
        let (decades, tracks) = self.total(script);
        let confidence = evidence::confidence(decades, self.speech_codes) / group.len() as f32;
        let level = LEVELS.iter().filter(|l| confidence >= **l).count() as u8;
        let id = match self.named.iter().position(|n| n.group.contains(&script)) {
            Some(id) => {
                let named = &mut self.named[id];
                let news = script != named.group[0] || group.len() < named.group.len();
                if level <= named.level && !news {
                    return;
                }
                named.level = named.level.max(level);
                named.group = group.clone();
                id
            }
            None => {
                self.named.push(Named { group: group.clone(), level });
                self.named.len() - 1
            }
        };
        let among = if group.len() > 1 { &group[..] } else { &[] };
        let earliest = tracks
            .iter()
            .min_by_key(|t| *t.stretch().start())
            .expect("a script that is named has a track");
        let sum = |f: fn(&Comparison) -> u32| tracks.iter().map(|t| f(&t.best)).sum::<u32>();
        let compared = sum(|c| c.compared);
        let samples_per_code = u64::from(HOP as u32) * HOPS_PER_CODE * REFERENCE_STEP as u64;
        let recording = index.recording(earliest.recording);
        let first_position = earliest.best_position + 1 - earliest.best.span - recording.first;
        sink(Match {
            match_id: id as u32,
            script,
            node: index.recording(tracks[0].recording).node,
            among,
            confidence,
            heard_from: Instant(span_samples(*earliest.stretch().start()).start),
            script_from: span_samples(u64::from(first_position) * REFERENCE_STEP as u64).start,
            evidence: ScriptEvidence {
                compared: u64::from(compared) * samples_per_code,
                bit_error_rate: sum(|c| c.errors) as f32 / (compared * 64) as f32,
                tempo: REFERENCE_STEP as f32 / tracks[0].pace,
                stretches: tracks.len() as u32,
                decades,
            },
        });
    }
}
