//! What must not be in a request by HTTP/2, written frame by frame, as no client library would.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use watchroom_shield::Config;

use super::room::{PATIENCE, Room};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

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
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return GO_AWAY;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if [HEADERS, RST_STREAM, GO_AWAY].contains(&head[3]) {
            return head[3];
        }
    }
}

async fn ask(room: &Room, more: &[(&str, &str)]) -> u8 {
    ask_over(room.tls(&[b"h2"]).await, more).await
}

async fn ask_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, more: &[(&str, &str)]) -> u8 {
    let usual = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "panel.example"),
        (":path", "/seen"),
    ];
    let fields: Vec<u8> = usual
        .iter()
        .chain(more)
        .flat_map(|(name, value)| field(name, value))
        .collect();
    let mut said = PREFACE.to_vec();
    said.extend(frame(SETTINGS, 0, 0, &[]));
    // It ends its headers and itself.
    said.extend(frame(HEADERS, 0x5, 1, &fields));
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
