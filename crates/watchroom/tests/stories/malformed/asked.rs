//! Requests that are framed as they should be and malformed inside: cookies, tokens, paths, JSON, forms, multipart.
//!
//! They are asked one after the other on connections that stay open, over TLS, as browsers and programs do.

use std::io::{Read, Write};

use super::Target;
use super::chance::Chance;
use super::tally::Tally;
use super::wire::{self, is_nothing_yet};
use crate::visitor::Wire;

/// Rounds of a moment each in which an answer must begin: as long as anything may take.
const ROUNDS: usize = 4_000;

/// What one kind of input is: a whole request, of which only the inside is wrong.
pub type Compose = fn(&Target, &mut Chance) -> Vec<u8>;

/// A connection that is used until somebody ends it.
pub struct Asker {
    compose: Compose,
    open: Option<Wire>,
}

impl Asker {
    pub fn new(compose: Compose) -> Self {
        Self { compose, open: None }
    }

    pub fn send(&mut self, target: &Target, chance: &mut Chance, tally: &mut Tally) {
        let input = (self.compose)(target, chance);
        // A connection that was kept may have been ended meanwhile; a new one is not.
        let is_kept = self.open.is_some();
        let heard = match self.ask(target, &input) {
            Err(_) if is_kept => self.ask(target, &input),
            heard => heard,
        };
        tally.heard(&heard.unwrap_or_default(), &input);
    }

    fn ask(&mut self, target: &Target, input: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut wire = match self.open.take() {
            Some(wire) => wire,
            None => wire::dial_tls(&target.panel, &target.browser, "localhost")?,
        };
        wire.write_all(input)?;
        let mut heard = Vec::new();
        let mut piece = [0; 16 * 1024];
        for _ in 0..ROUNDS {
            match wire.read(&mut piece) {
                Ok(0) if heard.is_empty() => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => return Ok(heard),
                Ok(count) => heard.extend_from_slice(&piece[..count]),
                Err(error) if is_nothing_yet(&error) => {}
                Err(error) if heard.is_empty() => return Err(error),
                Err(_) => return Ok(heard),
            }
            match end(&heard) {
                End::NotYet => {}
                End::Unknown => return Ok(heard),
                End::Here if heard.windows(17).any(|part| part == b"connection: close") => return Ok(heard),
                End::Here => {
                    self.open = Some(wire);
                    return Ok(heard);
                }
            }
        }
        panic!("no answer to {}", input.escape_ascii());
    }
}

enum End {
    NotYet,
    Here,
    /// It has no length that was told: the connection is of no more use.
    Unknown,
}

fn end(heard: &[u8]) -> End {
    let Some(head) = heard.windows(4).position(|part| part == b"\r\n\r\n") else {
        return End::NotYet;
    };
    let text = String::from_utf8_lossy(&heard[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match length {
        _ if ["204", "304"].contains(&text.get(9..12).unwrap_or_default()) => End::Here,
        Some(length) if heard.len() >= head + 4 + length => End::Here,
        Some(_) => End::NotYet,
        None => End::Unknown,
    }
}

/// A request with these lines and this body.
pub fn request(target: &Target, line: &str, fields: &[u8], kind: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nhost: {}\r\n", target.panel).into_bytes();
    text.extend_from_slice(fields);
    if !kind.is_empty() {
        text.extend_from_slice(format!("content-type: {kind}\r\n").as_bytes());
    }
    if !line.starts_with("GET") {
        text.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body);
    text
}

/// Bytes that may stand in a field's value without ending it.
fn in_field(bytes: Vec<u8>) -> Vec<u8> {
    let most = 12 * 1024;
    let held = bytes.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f);
    held.take(most).collect()
}

fn field(name: &str, value: Vec<u8>) -> Vec<u8> {
    let mut text = format!("{name}: ").into_bytes();
    text.extend_from_slice(&in_field(value));
    text.extend_from_slice(b"\r\n");
    text
}

/// Cookies, of sessions and of the entrance.
pub fn cookie(target: &Target, chance: &mut Chance) -> Vec<u8> {
    let right = match chance.below(4) {
        0 => target.cookie.clone().into_bytes(),
        1 => format!("{0}; {0}", target.cookie).into_bytes(),
        2 => format!("a=b; {}; =; ;;; x", target.cookie).into_bytes(),
        _ => "z=1; ".repeat(chance.many(2_000)).into_bytes(),
    };
    let fields = field("cookie", chance.damaged(&right));
    let line = chance.pick(&[
        "GET /",
        "GET /servers",
        "GET /profile",
        "GET /login",
        "GET /api/session",
        "POST /login",
    ]);
    request(
        target,
        line,
        &fields,
        "application/x-www-form-urlencoded",
        b"csrf_token=x",
    )
}

/// Tokens and other credentials, and fields that are read.
pub fn credential(target: &Target, chance: &mut Chance) -> Vec<u8> {
    let bearer = format!("Bearer {}", target.token());
    let (name, right) = match chance.below(7) {
        0 | 1 => ("authorization", bearer.as_str()),
        2 => ("authorization", "Basic YWxpY2U6eA=="),
        3 => (
            "x-node-credential",
            "wr_cluster_abc MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE MEUCIQ",
        ),
        4 => ("x-poll-secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        5 => ("idempotency-key", "0198c0de-0000-7000-8000-000000000000"),
        _ => ("accept-language", "de-DE, de;q=0.9, en;q=0.8"),
    };
    let mut fields = field(name, chance.damaged(right.as_bytes()));
    if name != "authorization" {
        fields.extend_from_slice(&field("authorization", bearer.into_bytes()));
    }
    let (method, path) = target.route(chance);
    let body = if method == "GET" { "" } else { "{}" };
    request(
        target,
        &format!("{method} {path}"),
        &fields,
        "application/json",
        body.as_bytes(),
    )
}

/// Paths and queries of routes that there are.
pub fn query(target: &Target, chance: &mut Chance) -> Vec<u8> {
    const NAMES: &[&str] = &[
        "limit", "cursor", "name", "status", "node", "user", "from", "until", "text", "since", "tail",
        "format",
    ];
    let (_, path) = target.route(chance);
    let right = format!(
        "{path}?{}=2026-01-01T00:00:00Z&limit={}",
        chance.pick(NAMES),
        chance.odd_number()
    );
    let damaged = chance.damaged(right.as_bytes());
    let kept = damaged
        .into_iter()
        .filter(|byte| *byte > 0x20 && *byte != 0x7f)
        .take(7_000);
    let mut text = b"GET /".to_vec();
    text.extend(kept.skip_while(|byte| *byte == b'/'));
    text.extend_from_slice(format!(" HTTP/1.1\r\nhost: {}\r\n", target.panel).as_bytes());
    text.extend_from_slice(format!("authorization: Bearer {}\r\n\r\n", target.token()).as_bytes());
    text
}

/// Forms of the panel, with a session.
pub fn form(target: &Target, chance: &mut Chance) -> Vec<u8> {
    const FORMS: &[(&str, &str)] = &[
        (
            "/servers/new",
            "name=web&command=%2Fbin%2Ftrue&env=A%3Dx&restart_policy=never&memory_mib=1&labels=a%3Dx",
        ),
        ("/profile/theme", "theme=dark"),
        (
            "/profile/tokens",
            "name=x&expires_days=1&allow_sensitive=on&password=x",
        ),
        ("/security/bans", "network=192.0.2.0%2F24&reason=x&hours=1"),
        ("/login", "username=alice&password=x"),
        ("/setup", "code=x&username=x&password=x"),
        ("/step-up", "password=x"),
    ];
    let (path, right) = FORMS[chance.below(FORMS.len())];
    let right = match chance.below(8) {
        0 => "%".repeat(chance.many(4_000)),
        1 => "a=b&".repeat(chance.many(4_000)),
        2 => format!("{right}&{right}&csrf_token=&csrf_token"),
        3 => "a[b][c]=1;a=2&%ff%fe=%c0%af&=&&==".to_owned(),
        _ => format!("csrf_token={}&{right}", target.csrf),
    };
    let body = chance.damaged(right.as_bytes());
    let fields = format!(
        "cookie: {}\r\nsec-fetch-site: same-origin\r\naccept: text/html\r\n",
        target.cookie
    );
    let kind = if chance.is_one_in(10) {
        "application/x-www-form-urlencoded; charset=utf-16"
    } else {
        "application/x-www-form-urlencoded"
    };
    request(target, &format!("POST {path}"), fields.as_bytes(), kind, &body)
}

/// Multipart, which no route takes and every form may be sent as.
pub fn multipart(target: &Target, chance: &mut Chance) -> Vec<u8> {
    const KINDS: &[&str] = &[
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"x",
        "multipart/mixed; boundary=x; boundary=y",
        "multipart/form-data;;;",
    ];
    let right = format!(
        "--x\r\ncontent-disposition: form-data; name=\"csrf_token\"\r\n\r\n{}\r\n--x\r\ncontent-disposition: \
         form-data; name=\"file\"; filename=\"../../x\"\r\ncontent-type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n",
        target.csrf
    );
    let body = chance.damaged(right.as_bytes());
    let line = chance.pick(&[
        "POST /servers/new",
        "POST /login",
        "POST /profile/tokens",
        "POST /api/servers",
        "POST /csp-report",
    ]);
    let fields = format!(
        "cookie: {}\r\nsec-fetch-site: same-origin\r\nauthorization: Bearer {}\r\n",
        target.cookie,
        target.token()
    );
    request(target, line, fields.as_bytes(), chance.pick(KINDS), &body)
}
