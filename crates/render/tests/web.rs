//! A web server that gives what tests put there.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A page: type and content, or where it has moved.
#[derive(Clone)]
pub(crate) enum Page {
    Content(&'static str, Vec<u8>),
    Moved(String),
}

/// A server; requests are remembered as `METHOD path authorization`.
#[derive(Clone, Default)]
pub(crate) struct Web {
    pub(crate) pages: Arc<Mutex<BTreeMap<String, Page>>>,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    /// The value of the header that everybody must send.
    pub(crate) wants: Option<&'static str>,
}

impl Web {
    pub(crate) fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// Serves on loopback as long as the process lives.
    pub(crate) fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let web = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let web = web.clone();
                std::thread::spawn(move || web.answer(stream.unwrap()));
            }
        });
        address
    }

    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        let first = lines.next()?.ok()?;
        let mut words = first.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut authorization = String::new();
        for line in lines {
            let line = line.ok()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("authorization") {
                value.trim().clone_into(&mut authorization);
            }
        }
        self.seen.lock().unwrap().push(format!("{method} {path} {authorization}"));
        let page = self.pages.lock().unwrap().get(&path).cloned();
        let page = if self.wants.is_some_and(|wanted| wanted != authorization) { None } else { Some(page) };
        let (head, body) = match page {
            None => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"".to_owned(), Vec::new()),
            Some(None) => ("404 Not Found".to_owned(), Vec::new()),
            Some(Some(Page::Moved(to))) => (format!("302 Found\r\nLocation: {to}"), Vec::new()),
            Some(Some(Page::Content(kind, body))) => (format!("200 OK\r\nContent-Type: {kind}"), body),
        };
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).ok()?;
        if method != "HEAD" {
            stream.write_all(&body).ok()?;
        }
        Some(())
    }
}
