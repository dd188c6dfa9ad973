//! Where requests and answers end: nothing that is sent behind one request is taken for another by mistake.

use http::StatusCode;
use watchroom_shield::Config;

use super::room::{Room, line, say, slug, status};

/// What somebody would like to have answered in the name of whoever comes next.
const SMUGGLED: &str = "GET /seen HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n";

/// How many answers there are.
fn answers(heard: &str) -> usize {
    heard.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn where_a_request_ends_is_never_in_doubt() {
    let room = Room::open(Config::default()).await;
    let post = "POST /echo HTTP/1.1\r\nHost: panel.example\r\n";
    for doubtful in [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5, 6\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 99999999999999999999999\r\n\r\nhello",
        "Content-Length : 5\r\n\r\nhello",
        "Transfer-Encoding: identity\r\n\r\nhello",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "X: a\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
        "X\u{0}: a\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let heard = room.say(format!("{post}{doubtful}{SMUGGLED}")).await;
        assert_eq!(answers(&heard), 1, "{doubtful:?}: {heard}");
        assert!(
            status(&heard) == 400 && slug(&heard) == "malformed-request",
            "{doubtful:?}: {heard}"
        );
    }
    let old = format!(
        "POST /echo HTTP/1.0\r\nHost: panel.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    );
    let heard = room.say(old).await;
    assert_eq!((answers(&heard), status(&heard)), (1, 400), "{heard}");
    // A body that is broken is the last that is read of its connection.
    for broken in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
    ] {
        let heard = room
            .say(format!(
                "{post}Transfer-Encoding: chunked\r\n\r\n{broken}{SMUGGLED}"
            ))
            .await;
        assert_eq!(answers(&heard), 1, "{broken:?}: {heard}");
        assert_eq!(status(&heard), StatusCode::BAD_REQUEST, "{broken:?}: {heard}");
    }
    // Of length and chunks the chunks count, and nothing that follows is believed (RFC 9112, 6.1).
    for both in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let heard = room
            .say(format!("{post}{both}\r\n3\r\nabc\r\n0\r\n\r\n{SMUGGLED}"))
            .await;
        assert_eq!((answers(&heard), status(&heard)), (1, 200), "{heard}");
        assert!(heard.ends_with("\r\n\r\n3"), "{heard}");
    }
}

#[tokio::test]
async fn where_our_answers_end_is_never_in_doubt() {
    let room = Room::open(Config::default()).await;
    let asked = [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/nowhere", 404),
        ("HEAD", "/nowhere", 404),
        ("GET", "/crash", 500),
        ("GET", "/seen", 200),
        ("DELETE", "/echo", 405),
    ];
    let requests =
        asked.map(|(method, path, _)| format!("{method} {path} HTTP/1.1\r\nHost: panel.example\r\n\r\n"));
    let last = "GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n";
    let heard = room.say(format!("{}{last}", requests.concat())).await;
    let mut rest = heard.as_str();
    for (method, path, expected) in asked.into_iter().chain([("GET", "elsewhere", 421)]) {
        assert_eq!(status(rest), expected, "{method} {path}: {rest}");
        assert_eq!(line(rest, "transfer-encoding"), None, "{rest}");
        let (head, after) = rest.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            head.matches("content-length: ").count(),
            usize::from(method != "HEAD" || line(rest, "content-length").is_some()),
            "{head}"
        );
        let length: usize = line(rest, "content-length").unwrap_or("0").parse().unwrap();
        rest = after.get(if method == "HEAD" { 0 } else { length }..).unwrap();
    }
    assert_eq!(rest, "", "nothing is left over");
}

#[tokio::test]
async fn no_connection_is_turned_into_another() {
    let room = Room::open(Config::default()).await;
    let socket =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let plainer = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    for lines in [socket, plainer] {
        let ask =
            format!("GET / HTTP/1.1\r\nHost: panel.example\r\nConnection: Upgrade, close\r\n{lines}\r\n");
        let over_tls = room.say(&ask).await;
        assert_eq!(
            (status(&over_tls), line(&over_tls, "upgrade")),
            (200, None),
            "{over_tls}"
        );
        let in_the_clear = say(room.tcp().await, &ask).await;
        assert_eq!(status(&in_the_clear), 301, "{in_the_clear}");
    }
    let tunnel = room
        .say("CONNECT panel.example:22 HTTP/1.1\r\nHost: panel.example:22\r\nConnection: close\r\n\r\n")
        .await;
    assert!((400..500).contains(&status(&tunnel)), "{tunnel}");
}
