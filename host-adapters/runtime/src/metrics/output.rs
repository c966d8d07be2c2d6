//! Metrics for others: a listener for Prometheus, or a file.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::Metrics;
use crate::{Error, limits};

/// A listener, until it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Answers `GET /metrics` at an address of this machine; port 0 is one that is
/// free. What is not on the loopback is refused: nothing here knows who asks.
pub fn serve(address: SocketAddr, metrics: Arc<Metrics>) -> Result<Server, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::Usage(format!(
            "metrics at {address}: everybody could read them; use 127.0.0.1 or [::1], and a proxy if others are to see them"
        )));
    }
    let cannot = |e: std::io::Error| Error::Usage(format!("metrics at {address}: {e}"));
    let listener = TcpListener::bind(address).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let run = move || {
        while !stopped.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((client, _)) if !stopped.load(Ordering::Acquire) => {
                    // A client that has gone away harms nobody.
                    let _ = answer(client, &metrics);
                }
                Ok(_) => {}
                // Out of descriptors, for one: not for ever, we hope.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    };
    let thread = std::thread::Builder::new().name("callprint-prom".into()).spawn(run);
    Ok(Server { address, stop, thread: Some(thread.map_err(cannot)?) })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes it.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn answer(mut client: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    client.set_write_timeout(Some(limits::METRIC_REQUEST_TIME))?;
    let (status, body) = match request(&mut client)? {
        Some(line) => match line.split(' ').collect::<Vec<_>>()[..] {
            ["GET", "/metrics" | "/", ..] => ("200 OK", metrics.render()),
            ["GET", ..] => ("404 Not Found", "the metrics are at /metrics\n".into()),
            _ => ("405 Method Not Allowed", "only GET is understood\n".into()),
        },
        None => ("400 Bad Request", "not a request of HTTP\n".into()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body.as_bytes())
}

/// The first line of a request that came in whole, in time.
fn request(client: &mut TcpStream) -> std::io::Result<Option<String>> {
    let until = Instant::now() + limits::METRIC_REQUEST_TIME;
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || bytes.len() > limits::METRIC_REQUEST_BYTES {
            return Ok(None);
        }
        client.set_read_timeout(Some(left))?;
        match client.read(&mut part)? {
            0 => return Ok(None),
            n => bytes.extend(&part[..n]),
        }
    }
    let line = bytes.split(|b| *b == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8(line.to_vec()).ok())
}

/// Replaces a file as a whole or not at all.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".callprint-metrics-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
