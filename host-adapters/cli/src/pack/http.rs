//! What web servers have.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ureq::{Agent, Error};

/// A server that says nothing for so long is given up.
const SILENT_TIME: Duration = Duration::from_secs(30);

/// The largest packs take this long on a slow line.
const WHOLE_TIME: Duration = Duration::from_secs(3600);

/// The content at an address, if there is any and it has at most `max` bytes.
pub fn get(address: &str, max: usize) -> Result<Option<Vec<u8>>> {
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(SILENT_TIME))
        .timeout_recv_response(Some(SILENT_TIME))
        .timeout_global(Some(WHOLE_TIME))
        .user_agent(concat!("callprint/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let context = || format!("{address}: cannot be fetched");
    let mut answer = match agent.get(address).call() {
        Err(Error::StatusCode(404 | 410)) => return Ok(None),
        other => other.with_context(context)?,
    };
    match answer.body_mut().with_config().limit(max as u64).read_to_vec() {
        Err(Error::BodyExceedsLimit(_)) => {
            bail!("{address}: it has more than {max} bytes, the limit")
        }
        body => body.with_context(context).map(Some),
    }
}
