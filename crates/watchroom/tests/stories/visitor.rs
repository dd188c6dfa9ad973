//! Somebody who speaks HTTP/1.1 to the panel over TLS, byte by byte, trusting the panel's own CA alone.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::room::PATIENCE;

/// A connection over TLS.
pub type Wire = StreamOwned<ClientConnection, TcpStream>;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    /// The cookie that it sets, as it is shown from then on.
    fn cookie(&self) -> String {
        let set = self.head.lines();
        let set = set.filter_map(|line| line.strip_prefix("set-cookie: "));
        let mut held = set.filter_map(|cookie| cookie.split(';').next());
        held.find(|pair| !pair.ends_with('=')).unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Reads an answer from its first byte to the end of its body.
    fn read(mut stream: impl Read) -> Self {
        let mut answer = Self::begin(&mut stream);
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Reads status line and headers alone.
    fn begin(stream: &mut impl Read) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            body: String::new(),
        }
    }
}

/// Somebody at the panel.
#[derive(Clone)]
pub struct Visitor {
    /// Address and port of the panel.
    authority: String,
    config: Arc<ClientConfig>,
    /// Headers that every request carries.
    shows: Vec<(String, String)>,
}

impl Visitor {
    /// For the panel at an `https://` address, trusting this CA.
    pub fn new(panel: &str, authority: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(authority).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            authority: panel.strip_prefix("https://").unwrap().to_owned(),
            config: Arc::new(config),
            shows: Vec::new(),
        }
    }

    /// The same with a token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.show("authorization", &format!("Bearer {token}"));
        self
    }

    /// Shows a header with every request from now on.
    pub fn show(&mut self, name: &str, value: &str) {
        self.shows.push((name.to_owned(), value.to_owned()));
    }

    /// Signs in by the form, as a browser does: the cookie as it is shown from then on, and the token of forms.
    pub fn sign_in(&self, name: &str, password: &str) -> (String, String) {
        let password = password.replace(' ', "+");
        let entered = self.submit("/login", &format!("username={name}&password={password}"));
        assert_eq!(entered.status, 303, "{entered:?}");
        let cookie = entered.cookie();
        let mut browser = self.clone();
        browser.show("cookie", &cookie);
        let me = browser.get("/api/auth/me").json();
        (cookie, me["csrf_token"].as_str().unwrap().to_owned())
    }

    /// Submits the form of a page that is there before one is signed in, as a browser does.
    pub fn submit(&self, path: &str, fields: &str) -> Answer {
        let mut browser = self.clone();
        browser.show("accept", "text/html");
        let page = browser.get(path);
        let (_, rest) = page.body.split_once("name=\"csrf_token\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap();
        browser.show("cookie", &page.cookie());
        browser.show("sec-fetch-site", "same-origin");
        let form = format!("csrf_token={csrf}&{fields}");
        browser.ask(
            &format!("POST {path}"),
            "application/x-www-form-urlencoded",
            &form,
        )
    }

    /// A connection on which nothing was said yet.
    pub fn connect(&self) -> Wire {
        let stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        StreamOwned::new(session, stream)
    }

    /// The head of a request for a body of `length` bytes.
    fn head(&self, line: &str, content_type: &str, length: usize) -> String {
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for (name, value) in &self.shows {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !content_type.is_empty() {
            write!(
                head,
                "content-type: {content_type}\r\ncontent-length: {length}\r\n"
            )
            .unwrap();
        }
        head + "\r\n"
    }

    /// Sends a request line with a body, or with none if it has no type.
    pub fn ask(&self, line: &str, content_type: &str, body: &str) -> Answer {
        let mut wire = self.connect();
        let head = self.head(line, content_type, body.len());
        wire.write_all(format!("{head}{body}").as_bytes()).unwrap();
        Answer::read(wire)
    }

    /// Asks on a connection that stays open.
    pub fn get_on(&self, wire: &mut Wire, path: &str) -> Answer {
        wire.write_all(self.head(&format!("GET {path}"), "", 0).as_bytes())
            .unwrap();
        Answer::read(wire)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(&format!("POST {path}"), "application/json", &body.to_string())
    }

    /// The status that a post is answered with, if the Host lives to answer it.
    pub fn try_post(&self, path: &str, body: &Value) -> std::io::Result<u16> {
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut wire = StreamOwned::new(session, stream);
        let body = body.to_string();
        let head = self.head(&format!("POST {path}"), "application/json", body.len());
        wire.write_all(format!("{head}{body}").as_bytes())?;
        let mut line = [0; "HTTP/1.1 201".len()];
        wire.read_exact(&mut line)?;
        let status = String::from_utf8_lossy(&line[9..]).parse();
        status.map_err(std::io::Error::other)
    }

    /// Begins to post a body of `length` bytes, and sends none of it.
    pub fn begin_post(&self, path: &str, length: usize) -> Wire {
        let mut wire = self.connect();
        let head = self.head(&format!("POST {path}"), "application/json", length);
        wire.write_all(head.as_bytes()).unwrap();
        wire.flush().unwrap();
        wire
    }

    /// Asks for something and reads none of the answer.
    pub fn begin_get(&self, path: &str) -> Wire {
        let mut wire = self.connect();
        wire.write_all(self.head(&format!("GET {path}"), "", 0).as_bytes())
            .unwrap();
        wire
    }

    /// Opens a WebSocket and reads its first message.
    pub fn open_socket(&self) -> Wire {
        let mut visitor = self.clone();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "watchroom.v1"),
        ] {
            visitor.show(name, value);
        }
        let mut wire = visitor.begin_get("/api/ws");
        assert_eq!(Self::status(&mut wire), 101);
        let mut head = [0; 2];
        wire.read_exact(&mut head).unwrap();
        let mut hello = vec![0; head[1].into()];
        wire.read_exact(&mut hello).unwrap();
        assert!(
            hello.starts_with(b"{\"event\":\"hello\""),
            "{}",
            hello.escape_ascii()
        );
        wire
    }

    /// The status of an answer that may have no end.
    pub fn status(wire: &mut Wire) -> u16 {
        Answer::begin(wire).status
    }

    /// Opens an event stream and reads until its first event.
    pub fn listen(&self, path: &str) -> Wire {
        let mut wire = self.begin_get(path);
        let answer = Answer::begin(&mut wire);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/event-stream; charset=utf-8"))
        );
        let mut piece = [0; 1024];
        assert!(wire.read(&mut piece).unwrap() > 0);
        wire
    }

    /// SHA-256 of the certificate that the panel shows.
    pub fn certificate(&self) -> String {
        let mut wire = self.connect();
        wire.conn.complete_io(&mut wire.sock).unwrap();
        let certificate = wire.conn.peer_certificates().unwrap().first().unwrap();
        watchroom_trust::Fingerprint::of(certificate).to_string()
    }
}

/// Sends plain text to an address without TLS.
pub fn plainly(address: &str, text: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    Answer::read(stream)
}
