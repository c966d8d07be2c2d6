//! Fingerprints of recordings, on all processors.

use std::{
    num::NonZero,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use callprint_plugin::{
    Catalog, Sealed,
    audio::{Feed, Filters, Spectrum, Stft},
    catalog::Workspace,
    limits,
    script::{Codebook, Fingerprinter},
};

use super::{Manner, Take, journal::Journal, trim};
use crate::{audio_file, progress};

/// Codes as a call has them: 50 a second.
pub type Fingerprint = Vec<u64>;

/// Fingerprints all recordings; all or none. What was done is noted beside `pack`, so that a run
/// that was killed goes on where it was.
pub fn of_all(
    book: &Codebook,
    takes: &[Take],
    manner: Manner,
    pack: &Path,
    quiet: bool,
) -> Result<Vec<Fingerprint>> {
    let journal = Journal::open(pack, &format!("{} trim {}", book.id(), manner.trim))?;
    let bar = progress::bar(takes.len(), "enrolling", quiet);
    let next = AtomicUsize::new(0);
    let nothing = Catalog::default().seal();
    let work = || {
        let mut ear = Ear { book, nothing: &nothing, work: Workspace::default() };
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(take) = takes.get(n) else { break done };
            let print = match journal.get(&take.wav) {
                Some(print) => Ok(print),
                None => ear
                    .listen(&take.wav, manner)
                    .and_then(|print| journal.put(&take.wav, &print).map(|()| print)),
            };
            bar.inc(1);
            done.push((n, print.with_context(|| format!("{}", take.wav.display()))));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(takes.len());
    let mut all: Vec<(usize, Result<Fingerprint>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("workers do not panic")).collect()
    });
    bar.finish_and_clear();
    all.sort_by_key(|(n, _)| *n);
    let (mut prints, mut failed) = (Vec::new(), 0);
    for (_, result) in all {
        match result {
            Ok(print) => prints.push(print),
            Err(e) => {
                failed += 1;
                eprintln!("callprint: {e:#}");
            }
        }
    }
    let total = takes.len();
    ensure!(
        failed == 0,
        "{failed} of {total} recordings cannot be enrolled; the pack was left as it is"
    );
    Ok(prints)
}

/// What a thread listens with.
struct Ear<'a> {
    book: &'a Codebook,
    /// An analyzer that knows no script: it hears tones.
    nothing: &'a Sealed,
    work: Workspace,
}

impl Ear<'_> {
    fn listen(&mut self, path: &Path, manner: Manner) -> Result<Fingerprint> {
        let audio_file::Recording { rate_hz, far, near } = audio_file::read(path)?;
        ensure!(
            manner.call || near.is_none_or(|near| near == far),
            "it has two channels, and a script's recording has one; split it"
        );
        let mut codes = codes(self.book, rate_hz, &far);
        if manner.trim {
            let tones = trim::tones(self.nothing, &mut self.work, rate_hz, &far);
            codes = codes[trim::speech(&codes, &tones)].to_vec();
        }
        let of_use = codes.iter().filter(|c| **c != 0).count();
        let (min, max) = (limits::RECORDING_CODES_MIN * 2, limits::RECORDING_CODES_MAX * 2);
        ensure!(
            of_use >= min,
            "there are only {} ms of speech in it, and must be {}; record more",
            of_use * 20,
            min * 20
        );
        let (seconds, most) = (codes.len() / 50, max / 50);
        ensure!(codes.len() <= max, "it lasts {seconds} s, the limit is {most}; split it");
        Ok(codes)
    }
}

fn codes(book: &Codebook, rate_hz: u32, samples: &[i16]) -> Vec<u64> {
    let mut codes = Vec::with_capacity(samples.len() * 50 / rate_hz as usize);
    let (mut stft, mut spectrum) = (Stft::default(), Spectrum::default());
    let mut fingerprinter = Fingerprinter::default();
    Feed::default().push(&mut Filters::default(), rate_hz, samples, |chunk| {
        stft.push(&mut spectrum, chunk, |frame| {
            codes.extend(fingerprinter.push(book, &frame).map(|(_, code)| code.bits));
        });
    });
    codes
}
