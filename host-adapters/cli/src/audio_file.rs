//! Recordings from files.

use std::{fs::File, path::Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use symphonia::core::{
    codecs::audio::AudioDecoderOptions,
    errors::Error as SymphoniaError,
    formats::{FormatOptions, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

/// A recording: one channel, or two of which the left is the far end and the
/// right the near end.
pub struct Recording {
    pub rate_hz: u32,
    pub far: Vec<i16>,
    pub near: Option<Vec<i16>>,
}

/// The endings of what [`read`] reads.
const ENDINGS: [&str; 7] = ["wav", "flac", "ogg", "oga", "mp3", "al", "ul"];

/// Whether a file is a recording, by its name.
pub fn is_recording(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    path.is_file() && ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Reads a WAV file (PCM of 8, 16, 24 or 32 bits, float, A-law, µ-law), FLAC, Ogg Vorbis, MP3, or,
/// by its ending, headerless G.711 at 8 kHz (`.al`, `.ul`). The error says what to do, but not which
/// file: the caller names it.
pub fn read(path: &Path) -> Result<Recording> {
    let size = path.metadata().context("cannot be read")?.len();
    ensure!(size > 0, "the file is empty (0 bytes)");
    let law = match path.extension().and_then(|e| e.to_str()) {
        Some("ul") => Some(mu_law as fn(u8) -> i16),
        Some("al") => Some(a_law as fn(u8) -> i16),
        _ => None,
    };
    if let Some(law) = law {
        let bytes = std::fs::read(path).context("cannot be read")?;
        let far = bytes.into_iter().map(law).collect();
        return Ok(Recording { rate_hz: 8_000, far, near: None });
    }
    read_encoded(path)
}

fn read_encoded(path: &Path) -> Result<Recording> {
    let file = File::open(path).context("cannot be read")?;
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|e| match e {
            SymphoniaError::IoError(_) => anyhow!("not a WAV, FLAC, Ogg or MP3 file, or cut short in its header"),
            _ => {
                anyhow!(
                    "not a WAV, FLAC, Ogg or MP3 file ({e}); convert it, as with `ffmpeg -i IN -ar 8000 OUT.wav`"
                )
            }
        })?;
    let track = format.default_track(TrackType::Audio).context("there is no audio in the file")?;
    let (id, promised) = (track.id, track.num_frames);
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).context("no audio format")?;
    let rate_hz = params.sample_rate.context("the header names no sample rate")?;
    ensure!(
        (8_000..=48_000).contains(&rate_hz),
        "its rate is {rate_hz} Hz, and must be 8000 to 48000; resample it"
    );
    let channels = params.channels.as_ref().map_or(1, |c| c.count());
    ensure!(
        (1..=2).contains(&channels),
        "it has {channels} channels, and must have 1, or 2 (left = far end, right = near end); mix or split it"
    );
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|e| {
            anyhow!("its encoding is not supported ({e}); use PCM, float, A-law or µ-law")
        })?;
    let mut interleaved: Vec<i16> = Vec::new();
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(SymphoniaError::IoError(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                break;
            }
            Err(e) => bail!("it is damaged ({e})"),
        };
        if packet.track_id != id {
            continue;
        }
        let block = decoder.decode(&packet).map_err(|e| anyhow!("it is damaged ({e})"))?;
        let start = interleaved.len();
        interleaved.resize(start + block.samples_interleaved(), 0);
        block.copy_to_slice_interleaved(&mut interleaved[start..]);
    }
    let frames = interleaved.len() / channels;
    if let Some(promised) = promised {
        ensure!(
            frames as u64 >= promised,
            "it is cut short: its header promises {promised} samples, there are {frames}"
        );
    }
    ensure!(frames > 0, "there is no audio in the file");
    if channels == 1 {
        return Ok(Recording { rate_hz, far: interleaved, near: None });
    }
    let channel = |n: usize| interleaved.iter().skip(n).step_by(2).copied().collect();
    Ok(Recording { rate_hz, far: channel(0), near: Some(channel(1)) })
}

/// ITU-T G.711 µ-law.
fn mu_law(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((i16::from(code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
    if code & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}

/// ITU-T G.711 A-law.
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let mantissa = i16::from(code & 0x0f) << 4;
    let magnitude = match (code & 0x70) >> 4 {
        0 => mantissa + 8,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}
