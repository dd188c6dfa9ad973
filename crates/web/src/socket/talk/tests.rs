//! Conversations with clients of every kind, byte by byte, on a clock that jumps.

use std::future::pending;

use serde_json::Value;
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use watchroom_kit::Entropy;
use watchroom_policy::{Resource, ResourceKind, permission};

use super::*;
use crate::News;
use crate::socket::config;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;
/// What a topic may be heard of, and what not.
const HEARD: &str = "server";
const NOT_HEARD: &str = "audit";

fn feed() -> Feed {
    Feed::new(&Entropy::seeded(3))
}

fn publish(feed: &Feed, event: &'static str, data: &str) {
    feed.publish(News {
        event,
        about: None,
        data: json!(data).to_string(),
        needs: permission::COMPUTE_READ,
        on: Resource::all(ResourceKind::Server),
    });
}

/// A frame as a client sends it, masked with nothing, which is a mask too.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => bytes.push(0x80 | length),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fn said(text: &str) -> Vec<u8> {
    frame(LAST | TEXT, text.as_bytes())
}

/// The other end.
struct Client {
    stream: DuplexStream,
    read: Vec<u8>,
}

impl Client {
    async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame that comes: its opcode and what is in it. None when nothing comes any more.
    async fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, payload, rest)) = first(&self.read) {
                let heard = (opcode, payload.to_vec());
                self.read = rest.to_vec();
                return Some(heard);
            }
            let mut piece = [0; 4096];
            let count = self.stream.read(&mut piece).await.unwrap();
            if count == 0 {
                assert!(self.read.is_empty(), "half a frame");
                return None;
            }
            self.read.extend_from_slice(&piece[..count]);
        }
    }

    async fn message(&mut self) -> Value {
        let (opcode, payload) = self.hear().await.expect("a message");
        assert_eq!(opcode, TEXT, "{payload:?}");
        serde_json::from_slice(&payload).unwrap()
    }

    /// Hears everything until it is closed: the code, and the reason.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.hear().await.expect("a close before the end") {
                (CLOSE, told) => {
                    assert_eq!(self.hear().await, None, "nothing after it");
                    let code = u16::from_be_bytes([told[0], told[1]]);
                    return (code, String::from_utf8(told[2..].to_vec()).unwrap());
                }
                (PING, _) | (TEXT, _) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    assert!(bytes.first().is_none_or(|first| first & LAST != 0), "a fragment");
    let (length, start) = match bytes.get(1)? {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()).into(), 4),
        127 => (
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())).unwrap(),
            10,
        ),
        length => (usize::from(*length), 2),
    };
    let payload = bytes.get(start..start + length)?;
    Some((bytes[0] & 0xf, payload, &bytes[start + length..]))
}

/// Counts what is read of a stream, as the edge does.
struct Counted(DuplexStream, Arc<AtomicU64>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let progress = std::pin::Pin::new(&mut self.0).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        self.1.fetch_add(came as u64, Ordering::Relaxed);
        progress
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Holds a conversation that is over when `over` says so, with a client that does this.
async fn with<F, T>(feed: &Feed, over: impl Future<Output = Over>, client: impl FnOnce(Client) -> F) -> T
where
    F: Future<Output = T>,
{
    let (near, far) = tokio::io::duplex(64 * 1024);
    let heard = Arc::<AtomicU64>::default();
    let near = Counted(near, Arc::clone(&heard));
    let socket = WebSocketStream::from_raw_socket(near, Role::Server, Some(config())).await;
    let ears = Ears {
        hears: Box::new(|item| item.kind() == HEARD),
        may: Box::new(|topic| match topic {
            Topic::Audit => Err(NotFound.into()),
            _ => Ok(()),
        }),
    };
    let talk = Talk::new(socket, feed.clone(), ears, heard);
    let client = client(Client {
        stream: far,
        read: Vec::new(),
    });
    let ((), came) = tokio::join!(talk.hold(over), client);
    came
}

fn subscribe(topics: &[&str], after: Option<&str>) -> Vec<u8> {
    said(&json!({ "do": "subscribe", "topics": topics, "after": after }).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_client_hears_of_what_it_asked_for_and_may_hear_and_of_nothing_else() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        publish(&told, HEARD, "before");
        let hello = client.message().await;
        assert_eq!(hello["event"], "hello");
        client
            .say(&subscribe(&[HEARD, NOT_HEARD, "nonsense"], None))
            .await;
        for topic in [NOT_HEARD, "nonsense"] {
            let refused = client.message().await;
            assert_eq!(
                (&refused["event"], &refused["data"]["topic"]),
                (&json!("refused"), &json!(topic))
            );
            assert_eq!(
                refused["data"]["type"], "/problems/not-found",
                "both are told the same"
            );
        }
        let subscribed = client.message().await;
        assert_eq!(
            subscribed["data"],
            json!({ "topics": [HEARD], "recovered": false })
        );
        publish(&told, NOT_HEARD, "secret");
        publish(&told, "node", "not asked for");
        publish(&told, HEARD, "first");
        let first = client.message().await;
        assert_eq!(
            (&first["event"], &first["data"]),
            (&json!(HEARD), &json!("first"))
        );
        client
            .say(&said(
                &json!({ "do": "unsubscribe", "topics": [HEARD] }).to_string(),
            ))
            .await;
        let left = client.message().await;
        assert_eq!(
            (&left["event"], &left["data"]["topics"]),
            (&json!("unsubscribed"), &json!([]))
        );
        publish(&told, HEARD, "not heard");
        client.say(&frame(LAST | CLOSE, &1000_u16.to_be_bytes())).await;
        assert_eq!(client.closed().await.0, 1000, "its own word comes back");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_hears_what_it_missed_once_and_in_order() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        let hello = client.message().await;
        let seen = hello["id"].as_str().unwrap().to_owned();
        for text in ["one", "two"] {
            publish(&told, HEARD, text);
        }
        publish(&told, "node", "another topic");
        client.say(&subscribe(&[HEARD], Some(&seen))).await;
        let subscribed = client.message().await;
        assert_eq!(subscribed["data"]["recovered"], true);
        assert_eq!(
            subscribed["id"],
            seen.as_str(),
            "cut off here it asks from the same place again"
        );
        publish(&told, HEARD, "three");
        let mut ids = Vec::new();
        for text in ["one", "two", "three"] {
            let item = client.message().await;
            assert_eq!(item["data"], text);
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
        assert!(ids.is_sorted(), "{ids:?}");
        client.say(&subscribe(&["node"], Some("elsewhere-7"))).await;
        let lost = client.message().await;
        assert_eq!(
            lost["data"],
            json!({ "topics": ["node", HEARD], "recovered": false })
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_names_a_topic_again_misses_nothing_that_is_on_its_way_and_hears_it_once() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        client.say(&subscribe(&[HEARD], None)).await;
        client.message().await;
        // Whichever of the two is taken first.
        for number in 0..20 {
            publish(&told, HEARD, &number.to_string());
            client.say(&subscribe(&[HEARD], None)).await;
            let mut events = Vec::new();
            for _ in 0..2 {
                let message = client.message().await;
                events.push(message["event"].as_str().unwrap().to_owned());
            }
            events.sort();
            assert_eq!(events, [HEARD, "subscribed"]);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_sent_away_and_can_catch_up() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        client.say(&subscribe(&[HEARD], None)).await;
        client.message().await;
        let large = "x".repeat(10_000);
        for _ in 0..20 {
            publish(&told, HEARD, &large);
        }
        tokio::time::sleep(TAKEN_WITHIN + CLOSED_WITHIN / 2).await;
        assert_eq!(client.closed().await, (1013, "too slow".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_behind_the_feed_is_sent_away() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        client.say(&subscribe(&[HEARD], None)).await;
        client.message().await;
        // All at once, so that there is no time to pass any of it on.
        for _ in 0..10_000 {
            publish(&told, HEARD, "x");
        }
        assert_eq!(client.closed().await, (1013, "too slow".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_is_sent_away_where_the_house_itself_lost_track() {
    let feed = feed();
    let told = feed.clone();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        client.say(&subscribe(&[HEARD], None)).await;
        client.message().await;
        told.lose_track();
        assert_eq!(client.closed().await, (1013, "too much happened".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_lives_as_long_as_it_answers_pings() {
    let feed = feed();
    let began = Instant::now();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        for _ in 0..4 {
            let (opcode, payload) = client.hear().await.expect("a ping");
            assert_eq!(opcode, PING);
            client.say(&frame(LAST | PONG, &payload)).await;
        }
        assert!(began.elapsed() >= Duration::from_secs(100));
        assert_eq!(client.closed().await, (1008, "no answer to a ping".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_may_listen_no_longer_is_told_and_hears_nothing_more() {
    for (over, code, reason) in [
        (Over::Ended, 1008, "session ended"),
        (Over::Barred, 1008, "refused"),
        (Over::Changed, 1012, "rights changed"),
        (Over::Stopping, 1012, "shutting down"),
    ] {
        let feed = feed();
        let ending = async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            over
        };
        let told = with(&feed, ending, |mut client| async move {
            client.message().await;
            if over == Over::Ended {
                let ended = client.message().await;
                assert_eq!(ended, json!({ "event": "ended", "data": { "why": "session" } }));
            }
            client.closed().await
        });
        assert_eq!(told.await, (code, reason.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_client_should_send_ends_the_conversation_with_the_code_for_it() {
    let unmasked = [&[LAST | TEXT, 2], &b"{}"[..]].concat();
    let huge = |length: u64| [&[LAST | TEXT, 0xff], &length.to_be_bytes()[..], &[0; 4]].concat();
    let fragments = |count: usize| {
        let mut all = frame(TEXT, &[b' '; 100]);
        all.extend(frame(0, &[b' '; 100]).repeat(count));
        all
    };
    let nothing = said(r#"{"do":"subscribe","topics":[]}"#);
    let many = json!({ "do": "subscribe", "topics": vec!["server"; MOST_TOPICS + 1] }).to_string();
    let inputs: [(&str, Vec<u8>, u16); 19] = [
        ("an opcode that is none", frame(LAST | 3, b""), 1002),
        ("a control opcode that is none", frame(LAST | 0xb, b""), 1002),
        ("no mask", unmasked, 1002),
        (
            "compressed, which nobody agreed to",
            frame(LAST | 0x40 | TEXT, b"x"),
            1002,
        ),
        ("another reserved bit", frame(LAST | 0x10 | TEXT, b"x"), 1002),
        (
            "a ping of more than 125 bytes",
            frame(LAST | PING, &[0; 126]),
            1002,
        ),
        ("a ping in fragments", frame(PING, b""), 1002),
        ("a fragment of nothing", frame(LAST, b"x"), 1002),
        (
            "a message within another",
            [frame(TEXT, b"{"), said("{}")].concat(),
            1002,
        ),
        ("a close with half a code", frame(LAST | CLOSE, &[3]), 1002),
        ("a message that is too large", said(&" ".repeat(4_097)), 1009),
        ("a length of nearly everything", huge(u64::MAX >> 1), 1009),
        ("a length with its highest bit", huge(u64::MAX), 1009),
        ("fragments without an end", fragments(50), 1009),
        ("bytes that are no text", frame(LAST | TEXT, b"\xff\xfe"), 1007),
        ("no JSON", said("{"), 1007),
        ("too many topics", said(&many), 1007),
        ("binary", frame(LAST | 2, b"{}"), 1003),
        (
            "more messages than anybody needs",
            nothing.repeat(MOST_MESSAGES as usize + 1),
            1008,
        ),
    ];
    for (what, input, code) in inputs {
        let feed = feed();
        let told = with(&feed, pending(), |mut client| async move {
            client.message().await;
            client.say(&input).await;
            client.closed().await
        });
        assert_eq!(told.await.0, code, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn fragments_of_nothing_are_counted_too() {
    let feed = feed();
    with(&feed, pending(), |mut client| async move {
        client.message().await;
        client.say(&frame(TEXT, b"")).await;
        for _ in 0..15 {
            client.say(&frame(0, b"").repeat(1_000)).await;
        }
        assert_eq!(client.closed().await, (1008, "too many messages".to_owned()));
    })
    .await;
}
