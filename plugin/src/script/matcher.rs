//! From a stream of codes to named scripts.
//!
//! Every code is looked up. A position found becomes a candidate if the codes
//! of the last half second agree as well; a candidate is compared backwards in
//! time, at several tempos, and becomes a track: an alignment of the call with
//! a recording, and the evidence for it. The tracks of one script add up, be
//! they separated by a slot or in different recordings. When the sum suffices,
//! rivals that share the stretch are looked for, and the script, or the group,
//! is named.

use super::{
    Code, HOPS_PER_CODE, Index, REFERENCE_STEP,
    compare::{self, Alignment, Budget, Comparison, History},
    evidence,
    index::Recording,
    span_samples,
};
use crate::{
    audio::HOP,
    finding::{Instant, ScriptEvidence},
    limits,
};

/// Differing bits up to which a position found is a candidate, of 64.
const CANDIDATE_BITS: u32 = 22;

/// A track is compared anew after this many codes: 100 ms, or 40 ms where little
/// is missing to name a script.
const RECHECK_CODES: [u64; 2] = [5, 2];

/// A candidate's alignment was found before, at most so many codes (2 s) ago: in
/// noise a script is found seldom, and 0.5 s cost 1.1 points of those named at 2 s.
/// Chance finds one in ten of what it finds a second time, a script most of it;
/// what is found once costs no look at its code.
const AGAIN_CODES: u8 = 100;

/// Alignments remembered: twice what is found in that time.
const SIGHTINGS: usize = 8192;

/// Pairs of codes compared at most for one code of the call: for new
/// alignments, for those known, and in looking for rivals. No audio, and no
/// catalogue of scripts that are much alike, makes a push take long: a pair takes
/// some nanoseconds. The most promising come first.
const NEW_PAIRS: Budget = 2_000;
const KNOWN_PAIRS: Budget = 2_000;
const SURVEY_PAIRS: Budget = 20_000;
const RIVAL_PAIRS: Budget = 20_000;

/// Positions this far apart (in reference codes, 40 ms) belong to one alignment.
const SAME_ALIGNMENT: i64 = 3;

/// Reference codes that the first looks at a candidate take, and a comparison.
const LOOKS_REACH: u32 = 26;
const REACH: u32 = evidence::LONGEST * 5 / 4;

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
    alignment: Alignment,
    best: Comparison,
    /// Code of the call at which `best` was reached.
    best_at: u64,
    best_position: u32,
}

impl Track {
    /// The codes of the call that the best stretch covers.
    fn stretch(&self) -> std::ops::RangeInclusive<u64> {
        let span = (self.best.span.saturating_sub(1) as f32 * self.alignment.pace) as u64;
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
        let ahead = (code as f32 - self.code as f32) / self.alignment.pace;
        i64::from(self.position) + (ahead + if ahead < 0.0 { -0.5 } else { 0.5 }) as i64
    }
}

/// A script that may account for a stretch.
struct Rival {
    /// Evidence over the stretch.
    decades: f32,
    script: u32,
    /// Whether its recording is the same there.
    alike: bool,
}

/// What has been named: a script, or a group of them.
struct Named {
    group: Vec<u32>,
    level: u8,
    /// Nodes of the first of them, in the order in which they were heard.
    path: Vec<u32>,
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
    /// The nodes heard so far, in order.
    pub path: &'a [u32],
}

/// What the look-up of one code finds; kept between codes only to save
/// allocations.
#[derive(Default)]
pub struct Candidates {
    positions: Vec<u32>,
    /// Where the tracks expect to be.
    tracks: Vec<i64>,
    /// Wrong bits at the first look, and the position.
    promising: Vec<(u32, u32)>,
    /// Wrong bits of the code, track and position.
    due: Vec<(u32, usize, u32)>,
}

/// Alignments that were found of late: by a hash, some more bits of it, never 0,
/// and when. Of either there are eight bits: at most one position in a hundred passes
/// for one that was found before without having been; chance brings one in ten.
/// There are none before the first: no call begins by clearing pages.
#[derive(Default)]
struct Sightings(Option<Box<[u16; SIGHTINGS]>>);

impl Sightings {
    /// Notes that a position was found for a code; whether its alignment, to
    /// within 40 ms, was found before.
    fn again(&mut self, number: u64, position: u32) -> bool {
        let none = || vec![0; SIGHTINGS].try_into().expect("it has this length");
        let table = self.0.get_or_insert_with(none);
        // In codes of the call; four of them are one place, and so are two places beside it.
        let shift = u64::from(position).wrapping_mul(REFERENCE_STEP as u64).wrapping_sub(number);
        let (own, now) = (shift >> 2, number as u8);
        let beside = if shift & 2 == 0 { own.wrapping_sub(1) } else { own.wrapping_add(1) };
        let slot = |place: u64| {
            let hash = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 37;
            (hash as usize % SIGHTINGS, ((hash >> 13) as u8).max(1))
        };
        let seen = |place: u64| {
            let (at, tag) = slot(place);
            let [seen, when] = table[at].to_be_bytes();
            seen == tag && (1..=AGAIN_CODES).contains(&now.wrapping_sub(when))
        };
        let again = seen(own) || seen(beside);
        let (at, tag) = slot(own);
        table[at] = u16::from_be_bytes([tag, now]);
        again
    }
}

/// Follows one side of one call.
#[derive(Default)]
pub struct Matcher {
    history: History,
    sightings: Sightings,
    tracks: Vec<Track>,
    named: Vec<Named>,
    /// Codes so far that were not silence: how often chance has been tried.
    speech_codes: u64,
}

impl Matcher {
    /// Takes the code with the given number (they come in order, gaps in the
    /// numbers only after a restart) and hands what it makes known to `sink`.
    pub fn push(
        &mut self,
        index: &Index,
        candidates: &mut Candidates,
        number: u64,
        code: &Code,
        mut sink: impl FnMut(Match),
    ) {
        self.history.add(number, code.bits);
        if code.bits == 0 {
            return;
        }
        self.speech_codes += 1;
        self.look_up(index, candidates, number, code);
        let mut changed: Vec<u32> = Vec::new();
        let mut note = |script: Option<u32>| {
            changed.extend(script.filter(|s| !changed.contains(s)));
        };
        let mut budget = KNOWN_PAIRS;
        for (_, at, position) in &candidates.due {
            note(self.recheck(index, number, *at, *position, &mut budget));
        }
        let mut budget = NEW_PAIRS;
        for (_, position) in &candidates.promising {
            note(self.try_new(index, number, *position, &mut budget));
        }
        self.judge_all(index, number, &changed, &mut sink);
    }

    /// Looks a code up, and sorts what is found: tracks that may have grown, the
    /// longest untouched first, and new candidates, the most promising first.
    fn look_up(&mut self, index: &Index, candidates: &mut Candidates, number: u64, code: &Code) {
        let Candidates { positions, tracks, promising, due } = candidates;
        positions.clear();
        promising.clear();
        due.clear();
        index.find(code, positions);
        let close = evidence::required(self.speech_codes) - evidence::CLOSE;
        let expected = self.tracks.iter().map(|t| t.expects(number));
        tracks.clear();
        tracks.extend(expected);
        for &position in positions.iter() {
            let near = |at: &i64| (at - i64::from(position)).abs() <= SAME_ALIGNMENT;
            let again = self.sightings.again(number, position);
            if !again && !tracks.iter().any(near) {
                continue;
            }
            let bits = (index.code(position) ^ code.bits).count_ones();
            if bits > CANDIDATE_BITS {
                continue;
            }
            if let Some(at) = self.track_at(index, number, position) {
                let track = &self.tracks[at];
                let close = track.best.decades > close && !self.is_named(track.script);
                if number < track.compared_at + RECHECK_CODES[usize::from(close)] {
                    continue;
                }
                match due.iter_mut().find(|d| d.1 == at) {
                    Some(known) => *known = (*known).min((bits, at, position)),
                    None => due.push((bits, at, position)),
                }
            } else if let Some(bits) =
                self.history.first_look(index.before(position, LOOKS_REACH).1, number)
            {
                let near = |other: &&mut (u32, u32)| {
                    i64::from(other.1).abs_diff(position.into()) <= SAME_ALIGNMENT as u64
                };
                match promising.iter_mut().find(near) {
                    Some(other) => *other = (*other).min((bits, position)),
                    None => promising.push((bits, position)),
                }
            }
        }
        promising.sort_unstable();
        due.sort_unstable_by_key(|(_, at, _)| self.tracks[*at].compared_at);
    }

    /// The call lost so much that nothing before counts as its past.
    pub fn forget(&mut self) {
        self.history.clear();
    }

    /// The track that a position found belongs to.
    fn track_at(&self, index: &Index, number: u64, position: u32) -> Option<usize> {
        let near = |t: &Track| (t.expects(number) - i64::from(position)).abs() <= SAME_ALIGNMENT;
        let same = |t: &Track| near(t) && index.recording_at(position).0 == t.recording;
        self.tracks.iter().position(same)
    }

    /// Follows up a position found, unless its alignment was compared for this
    /// very code; the script whose evidence grew by it.
    fn consider(
        &mut self,
        index: &Index,
        number: u64,
        position: u32,
        budget: &mut Budget,
    ) -> Option<u32> {
        match self.track_at(index, number, position) {
            Some(at) if number <= self.tracks[at].compared_at => None,
            Some(at) => self.recheck(index, number, at, position, budget),
            None => {
                let (_, reference) = index.before(position, LOOKS_REACH);
                self.history.first_look(reference, number)?;
                self.try_new(index, number, position, budget)
            }
        }
    }

    /// Compares a track anew; its script, if it grew.
    fn recheck(
        &mut self,
        index: &Index,
        number: u64,
        at: usize,
        position: u32,
        budget: &mut Budget,
    ) -> Option<u32> {
        let (_, reference) = index.before(position, REACH);
        let track = &mut self.tracks[at];
        let known = Some(&track.alignment);
        let (found, alignment) = self.history.compare(reference, number, known, budget)?;
        let code = number.saturating_add_signed(alignment.shift);
        track.compared_at = number;
        // A poor outcome is no reason to move: the position found may be a sound that recurs.
        if found.decades > track.best.decades - evidence::MARGIN {
            (track.code, track.position, track.alignment) = (code, position, alignment);
        }
        if found.decades <= track.best.decades {
            return None;
        }
        (track.best, track.best_at, track.best_position) = (found, code, position);
        Some(track.script)
    }

    /// Compares a candidate that has passed the first look; its script, if it
    /// becomes a track.
    fn try_new(
        &mut self,
        index: &Index,
        number: u64,
        position: u32,
        budget: &mut Budget,
    ) -> Option<u32> {
        let ((recording, Recording { script, .. }), reference) = index.before(position, REACH);
        if !self.history.second_look(reference, number) {
            return None;
        }
        let (best, alignment) = self.history.compare(reference, number, None, budget)?;
        if best.decades < evidence::KEEP {
            return None;
        }
        let code = number.saturating_add_signed(alignment.shift);
        self.add(Track {
            script,
            recording,
            compared_at: number,
            code,
            position,
            alignment,
            best,
            best_at: code,
            best_position: position,
        });
        Some(script)
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
        // All at once: growing by doubling would leave holes.
        self.tracks.reserve_exact(TRACKS - self.tracks.len());
        self.tracks.push(track);
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

    /// Judges the scripts whose evidence grew. Those of one stretch are rivals,
    /// and judged with the best of them.
    fn judge_all(
        &mut self,
        index: &Index,
        number: u64,
        changed: &[u32],
        sink: &mut impl FnMut(Match),
    ) {
        for script in changed.iter().filter(|s| self.settled(**s)).copied().collect::<Vec<_>>() {
            self.report(index, vec![script], sink);
        }
        let mut scripts: Vec<(f32, Track)> =
            changed.iter().filter_map(|script| self.sufficient(number, *script)).collect();
        scripts.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut judged: Vec<Track> = Vec::new();
        for (_, lead) in scripts {
            if judged.iter().all(|other| !other.overlaps(&lead)) {
                self.judge(index, number, &lead, sink);
                judged.push(lead);
            }
        }
    }

    /// The evidence for a script that grew, if it suffices to name it, and the
    /// stretch that grew.
    fn sufficient(&self, number: u64, script: u32) -> Option<(f32, Track)> {
        let (decades, tracks) = self.total(script);
        let lead = *tracks.iter().max_by_key(|t| t.best_at)?;
        let grew = lead.best_at + 1 >= number;
        // What it shares with others says nothing of which of them it is.
        let shared = self.named.iter().any(|n| n.group.len() > 1 && n.group.contains(&script));
        let own = if shared { lead.best.decades } else { decades };
        let second = self.named.iter().any(|n| !n.group.contains(&script));
        let more = if second { evidence::SECOND } else { 0.0 };
        let suffices = own >= evidence::required(self.speech_codes) + more;
        (grew && suffices && !self.settled(script)).then_some((decades, lead))
    }

    /// Names the script of a stretch, or the group it belongs to, unless another
    /// accounts better for the same audio.
    fn judge(&mut self, index: &Index, number: u64, lead: &Track, sink: &mut impl FnMut(Match)) {
        self.survey(index, number, lead);
        let mut budget = RIVAL_PAIRS;
        let mut group =
            vec![Rival { decades: lead.best.decades, script: lead.script, alike: true }];
        for track in &self.tracks {
            let Some(rival) = self.rival(index, number, track, lead, &mut budget) else { continue };
            match group.iter_mut().find(|other| other.script == rival.script) {
                Some(other) => {
                    other.decades = other.decades.max(rival.decades);
                    other.alike |= rival.alike;
                }
                None => group.push(rival),
            }
        }
        let behind = |r: &Rival, margin| r.decades < lead.best.decades - margin;
        // Where the voice repeats words, no one of those that hold them is it.
        if group.iter().any(|r| !r.alike && !behind(r, evidence::CLEAR)) {
            return;
        }
        group.sort_by(|a, b| b.decades.total_cmp(&a.decades).then(a.script.cmp(&b.script)));
        let best = group[0].decades;
        group.retain(|rival| rival.decades > best - evidence::MARGIN);
        let group: Vec<u32> = group.iter().map(|r| r.script).take(limits::AMONG).collect();
        if !group.contains(&lead.script) {
            return;
        }
        // Audio that belongs to these belongs to no other.
        self.tracks.retain(|t| {
            group.contains(&t.script)
                || !t.overlaps(lead)
                || t.best.decades > lead.best.decades - evidence::MARGIN
        });
        self.report(index, group, sink);
    }

    /// What a track makes of the audio of `lead`, which has just been heard.
    fn rival(
        &self,
        index: &Index,
        number: u64,
        track: &Track,
        lead: &Track,
        budget: &mut Budget,
    ) -> Option<Rival> {
        let Recording { first, codes, .. } = index.recording(track.recording);
        let position = track.expects(number);
        let inside = (i64::from(first)..i64::from(first + codes)).contains(&position);
        if track.script == lead.script || !inside {
            return None;
        }
        // A few more, for what falls to a shift, or into a pause.
        let upto = |position: i64| index.before(position as u32, lead.best.span + 4).1;
        let decades = if track.best_at + 1 >= number {
            track.best.decades
        } else {
            let known = Some(&track.alignment);
            self.history.compare(upto(position), number, known, budget)?.0.decades
        };
        let (_, mine) = index.before(lead.best_position, lead.best.span);
        let near = position - 1..=position + 1;
        let last = i64::from(first + codes) - 1;
        let alike = near
            .filter(|p| (i64::from(first)..=last).contains(p))
            .any(|p| compare::alike(mine, upto(p)));
        Some(Rival { decades, script: track.script, alike })
    }

    /// Whether a script has been named, alone.
    fn is_named(&self, script: u32) -> bool {
        self.named.iter().any(|n| n.group == [script])
    }

    /// Whether all there is to say of a script has been said, but for its path.
    fn settled(&self, script: u32) -> bool {
        self.named.iter().any(|n| n.group == [script] && usize::from(n.level) == LEVELS.len())
    }

    /// Looks for other recordings that hold the stretch: by the recording's own
    /// undisturbed codes.
    fn survey(&mut self, index: &Index, number: u64, lead: &Track) {
        let mut budget = SURVEY_PAIRS;
        let first = index.recording(lead.recording).first;
        let mut others: Vec<u32> = Vec::new();
        for back in 0..lead.best.span {
            let position = lead.best_position - back;
            if position < first || index.code(position) == 0 {
                continue;
            }
            others.clear();
            index.find_exact(index.code(position), &mut others);
            for other in &others {
                // The same place in the call as the lead's latest.
                let now = other + back;
                let (n, recording) = index.recording_at(*other);
                if n != lead.recording && now < recording.first + recording.codes {
                    // Now, so that both are judged over the same audio.
                    self.consider(index, number, now, &mut budget);
                }
            }
        }
    }

    fn report(&mut self, index: &Index, group: Vec<u32>, sink: &mut impl FnMut(Match)) {
        let script = group[0];
        let (decades, tracks) = self.total(script);
        // Others may have taken the places of a settled script's tracks.
        let Some(earliest) = tracks.iter().min_by_key(|t| *t.stretch().start()) else { return };
        let confidence = evidence::confidence(decades, self.speech_codes) / group.len() as f32;
        let level = LEVELS.iter().filter(|l| confidence >= **l).count() as u8;
        // One of them has been singled out before.
        if group.len() > 1
            && self.named.iter().any(|n| n.group.len() == 1 && group.contains(&n.group[0]))
        {
            return;
        }
        let known = self.named.iter().position(|n| n.group.contains(&script));
        let id = known.unwrap_or_else(|| {
            self.named.push(Named { group: group.clone(), level, path: Vec::new() });
            self.named.len() - 1
        });
        let named = &mut self.named[id];
        let another = script != named.group[0];
        if another {
            named.path.clear();
        }
        let enough = evidence::required(self.speech_codes) - evidence::EXPECTED;
        let further = named.follow(index, &tracks, enough);
        let news = another || group.len() < named.group.len();
        if level <= named.level && !news && !further {
            return;
        }
        named.level = named.level.max(level);
        named.group = group.clone();
        let among = if group.len() > 1 { &group[..] } else { &[] };
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
                tempo: REFERENCE_STEP as f32 / tracks[0].alignment.pace,
                stretches: tracks.len() as u32,
                decades,
            },
            path: &self.named[id].path,
        });
    }
}

impl Named {
    /// Adds the nodes of the tracks, the best of them first, that are new and have enough evidence
    /// of their own; whether there are any.
    fn follow(&mut self, index: &Index, tracks: &[Track], enough: f32) -> bool {
        let sure = tracks.iter().enumerate().filter(|(n, t)| *n == 0 || t.best.decades >= enough);
        let mut heard: Vec<&Track> = sure.map(|(_, track)| track).collect();
        heard.sort_by_key(|t| *t.stretch().start());
        let before = self.path.len();
        for track in heard {
            let node = index.recording(track.recording).node;
            if !self.path.contains(&node) && self.path.len() < limits::PATH {
                self.path.push(node);
            }
        }
        self.path.len() > before
    }
}
