//! What must not be in a request by HTTP/2, written frame by frame, as no client library would.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use watchroom_shield::Config;

use super::room::{PATIENCE, Room};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field that no table knows (RFC 7541, 6.2.2). Lengths below 127 are one byte.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0, u8::try_from(name.len()).unwrap()];
    field.extend(name.as_bytes());
    field.push(u8::try_from(value.len()).unwrap());
    field.extend(value.as_bytes());
    field
}

/// What first comes back that is about the request: its answer, or the end of its stream or connection.
async fn verdict(mut stream: impl AsyncRead + Unpin) -> u8 {
    next(&mut stream, &[HEADERS, RST_STREAM, GO_AWAY]).await.0
}

/// The next frame of one of these kinds, and its flags.
async fn next(mut stream: impl AsyncRead + Unpin, kinds: &[u8]) -> (u8, u8) {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return (GO_AWAY, 0);
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if kinds.contains(&head[3]) {
            return (head[3], head[4]);
        }
    }
}

/// How a connection begins that asks for this at once.
fn asked(method: &str, path: &str, more: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let usual = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "panel.example"),
        (":path", path),
    ];
    let fields: Vec<u8> = usual
        .iter()
        .chain(more)
        .flat_map(|(name, value)| field(name, value))
        .collect();
    let mut said = PREFACE.to_vec();
    said.extend(frame(SETTINGS, 0, 0, &[]));
    said.extend(frame(HEADERS, flags, 1, &fields));
    said
}

async fn ask(room: &Room, more: &[(&str, &str)]) -> u8 {
    ask_over(room.tls(&[b"h2"]).await, more).await
}

async fn ask_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, more: &[(&str, &str)]) -> u8 {
    let said = asked("GET", "/seen", more, END_HEADERS | END_STREAM);
    stream.write_all(&said).await.unwrap();
    tokio::time::timeout(PATIENCE, verdict(stream))
        .await
        .expect("a verdict in time")
}

#[tokio::test]
async fn what_belongs_to_a_connection_or_breaks_a_line_is_refused() {
    let room = Room::open(Config::default()).await;
    assert_eq!(ask(&room, &[("x-fine", "yes")]).await, HEADERS);
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("x-split", "a\r\nx-other: b"),
        ("x-split", "a\nb"),
        ("x-split", "a\rb"),
        ("x-split", "a\0b"),
        ("x split", "a"),
        ("x-split\r\nx-other", "a"),
        ("X-Upper", "a"),
        (":path", "/twice"),
        (":unknown", "a"),
    ] {
        let verdict = ask(&room, &[(name, value)]).await;
        assert!(
            verdict == RST_STREAM || verdict == GO_AWAY,
            "{name:?}: {value:?} got {verdict}"
        );
    }
}

#[tokio::test]
async fn it_is_spoken_only_where_it_was_agreed_upon() {
    let room = Room::open(Config::default()).await;
    assert_eq!(ask_over(room.tls(&[b"h2"]).await, &[]).await, HEADERS);
    for stream in [room.tls(&[b"http/1.1"]).await, room.tls(&[]).await] {
        assert_eq!(ask_over(stream, &[]).await, GO_AWAY);
    }
    assert_eq!(ask_over(room.tcp().await, &[]).await, GO_AWAY);
}

#[tokio::test]
async fn headers_that_never_end_do_not_hold_a_place() {
    let room = Room::open(Config {
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    let mut stream = room.tls(&[b"h2"]).await;
    let mut said = PREFACE.to_vec();
    said.extend(frame(SETTINGS, 0, 0, &[]));
    said.extend(frame(HEADERS, 0, 1, &field(":method", "GET")));
    stream.write_all(&said).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, verdict(stream)).await;
    assert_eq!(ended.expect("it ends"), GO_AWAY);
}

#[tokio::test]
async fn whoever_is_refused_while_they_still_send_is_heard_out() {
    let room = Room::open(Config::default()).await;
    let mut stream = room.tls(&[b"h2"]).await;
    let length = [("content-length", "10")];
    // No such place: nobody there reads a body.
    let asked = asked("POST", "/nowhere", &length, END_HEADERS);
    stream.write_all(&asked).await.unwrap();
    let about = [HEADERS, DATA, RST_STREAM, GO_AWAY];
    let (mut kind, mut flags) = next(&mut stream, &about).await;
    assert_eq!(kind, HEADERS);
    while flags & END_STREAM == 0 {
        (kind, flags) = next(&mut stream, &about).await;
        assert_eq!(kind, DATA, "the whole answer");
    }
    stream.write_all(&frame(DATA, 0, 1, b"half ")).await.unwrap();
    stream
        .write_all(&frame(DATA, END_STREAM, 1, b"of it"))
        .await
        .unwrap();
    // An answer to this comes after whatever is said of the request.
    stream.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
    let said = next(&mut stream, &[RST_STREAM, GO_AWAY, PING]).await;
    assert_eq!(said, (PING, ACK));
}
