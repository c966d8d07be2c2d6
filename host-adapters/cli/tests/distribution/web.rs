//! A web server that knows nothing of packs.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    thread,
};

/// A request: its line and its headers, as they came.
pub struct Request {
    pub text: String,
}

impl Request {
    /// What is asked for, without its first `/`.
    pub fn path(&self) -> &str {
        self.text.split(' ').nth(1).unwrap().trim_start_matches('/')
    }

    /// A header's value; "" without it.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.text.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// Answers requests, one a connection, with a status line and a body; its address.
pub fn listen(
    mut answer: impl FnMut(Request) -> (&'static str, Vec<u8>) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read(&mut stream);
            let (status, body) = answer(request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            // Whoever has read enough may be gone.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    address
}

fn read(stream: &mut TcpStream) -> Request {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    Request { text: String::from_utf8(request).unwrap() }
}

/// Serves the files of a folder; its address.
pub fn serve(folder: PathBuf) -> String {
    listen(move |request| match fs::read(folder.join(request.path())) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    })
}
