//! What web servers have.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ureq::{
    Agent, Body, Error,
    http::{Response, StatusCode},
};

/// A server that says nothing for so long is given up.
const SILENT_TIME: Duration = Duration::from_secs(30);

/// The largest packs take this long on a slow line.
const WHOLE_TIME: Duration = Duration::from_secs(3600);

/// What asks; an answer of any status is one. If `https_only`, it is led to no other address either.
pub fn agent(https_only: bool) -> Agent {
    Agent::config_builder()
        .https_only(https_only)
        .http_status_as_error(false)
        .timeout_connect(Some(SILENT_TIME))
        .timeout_recv_response(Some(SILENT_TIME))
        .timeout_global(Some(WHOLE_TIME))
        .user_agent(concat!("callprint/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// The content at an address, if there is any and it has at most `max` bytes.
pub fn get(address: &str, max: usize) -> Result<Option<Vec<u8>>> {
    let agent = agent(address.starts_with("https://"));
    let context = || format!("{address}: cannot be fetched");
    let mut answer = agent.get(address).call().with_context(context)?;
    let status = answer.status();
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Ok(None);
    }
    ensure!(status.is_success(), "{}: {status}", context());
    content(address, &mut answer, max).map(Some)
}

/// An answer's content if it has at most `max` bytes.
pub fn content(address: &str, answer: &mut Response<Body>, max: usize) -> Result<Vec<u8>> {
    // One more: ureq refuses to look whether a body ends at its limit.
    match answer.body_mut().with_config().limit(max as u64 + 1).read_to_vec() {
        Err(Error::BodyExceedsLimit(_)) => {
            bail!("{address}: it has more than {max} bytes, the limit")
        }
        body => body.with_context(|| format!("{address}: cannot be fetched")),
    }
}
