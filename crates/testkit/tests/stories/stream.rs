//! Streams: what changes and what servers print, as it happens, without a gap, to those who may hear it.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use watchroom_testkit::{TestRoom, Visitor, program};

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// The whole events in what was heard so far.
fn events(heard: &str) -> Vec<Event> {
    let whole = heard.rfind("\n\n").map_or("", |end| &heard[..end]);
    let blocks = whole.split("\n\n").filter(|block| block.contains("event: "));
    blocks
        .map(|block| {
            let field = |name: &str| {
                let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                lines.collect::<Vec<_>>().join("\n")
            };
            let data = serde_json::from_str(&field("data: ")).expect("JSON");
            Event {
                name: field("event: "),
                id: field("id: "),
                data,
            }
        })
        .collect()
}

fn named(heard: &str, name: &str) -> Vec<Event> {
    events(heard)
        .into_iter()
        .filter(|event| event.name == name)
        .collect()
}

/// Listens to what changes until `count` events about servers came.
async fn servers_heard(visitor: &Visitor, last_id: Option<&str>, count: usize) -> Vec<Event> {
    let enough = |heard: &str| named(heard, "server").len() >= count;
    let heard = tokio::time::timeout(
        Duration::from_secs(20),
        visitor.listen("/api/stream", last_id, enough),
    );
    events(&heard.await.expect("the events come"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_who_was_cut_off_hears_exactly_what_it_missed() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let other = room.operator("other").await;
    let (heard, _) = tokio::join!(servers_heard(&olga, None, 1), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        room.server(&olga, "first", "true").await
    });
    assert_eq!(
        (heard[0].name.as_str(), &heard[0].data),
        ("hello", &json!({ "recovered": false }))
    );
    let last = heard.last().expect("events").id.clone();

    // While nobody listens.
    for name in ["second", "third"] {
        room.server(&olga, name, "true").await;
    }
    let (missed, seen_by_other) = tokio::join!(
        servers_heard(&olga, Some(&last), 2),
        servers_heard(&other, Some(&last), 2)
    );
    assert_eq!(
        (missed[0].name.as_str(), &missed[0].data),
        ("hello", &json!({ "recovered": true }))
    );
    let numbers: Vec<u64> = missed[1..].iter().map(|event| number(&event.id)).collect();
    assert!(
        numbers.iter().all(|seq| *seq > number(&last)),
        "{numbers:?} after {last}"
    );
    assert!(
        numbers.is_sorted_by(|one, next| one < next),
        "nothing twice: {numbers:?}"
    );
    let common = missed.len().min(seen_by_other.len());
    assert_eq!(missed[1..common], seen_by_other[1..common], "both hear the same");

    let (lost, _) = tokio::join!(servers_heard(&olga, Some("elsewhere-7"), 1), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        room.server(&olga, "fourth", "true").await
    });
    assert_eq!(
        lost[0].data,
        json!({ "recovered": false }),
        "an id of another life"
    );
    room.close().await;
}

fn number(id: &str) -> u64 {
    id.rsplit_once('-')
        .and_then(|(_, seq)| seq.parse().ok())
        .expect("a numbered id")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_servers_hears_nothing_of_them() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let mia = room.account("mia", "member").await;
    let member = Visitor::with_token(room.client(), &room.token(mia, false).await);
    let (heard, ()) = tokio::join!(member.listen("/api/stream", None, |_| false), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (heard, _) = tokio::join!(servers_heard(&ada, None, 1), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            room.server(&ada, "web", "true").await
        });
        assert!(heard.iter().any(|event| event.name == "server"));
        // What ends her stream comes after all that she could have heard.
        assert_eq!(
            ada.post(&format!("/api/users/{mia}/disable"), json!({}))
                .await
                .status,
            200
        );
    });
    let names: Vec<_> = events(&heard).into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["hello", "ended"]);
    room.close().await;
}

/// Prints lines for a while, then repeats what it is sent.
const PRINTER: &str = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exec cat";

/// The lines of a console as it was heard, each once and in order, or the story ends here.
fn lines(heard: &str) -> Vec<(u64, String)> {
    let mut lines = Vec::new();
    for event in events(heard) {
        assert_eq!(event.name, "lines", "{event:?}");
        for line in event.data.as_array().expect("lines") {
            let offset = line["offset"].as_u64().expect("an offset");
            let text = line["text"].as_str().expect("a text").to_owned();
            if let Some((before, _)) = lines.last() {
                assert_eq!(offset, before + 1, "no gap and nothing twice");
            }
            lines.push((offset, text));
        }
    }
    lines
}

async fn follow(visitor: &Visitor, path: &str, last_id: Option<&str>, until: &str) -> String {
    let enough = |heard: &str| {
        events(heard)
            .iter()
            .any(|event| event.data.to_string().contains(until))
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), visitor.listen(path, last_id, enough));
    heard.await.expect("the console comes")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_viewers_of_a_console_see_every_line_once_and_what_is_sent_to_it() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let vera = room.viewer("vera").await;
    let id = room.server(&olga, "printer", PRINTER).await;
    let path = format!("/api/servers/{id}/console");
    let from_start = format!("{path}?from=0");
    assert_eq!(
        olga.post(&format!("/api/servers/{id}/start"), json!({}))
            .await
            .status,
        200
    );
    let (hers, his, ()) = tokio::join!(
        follow(&olga, &from_start, None, "hello there"),
        follow(&vera, &from_start, None, "hello there"),
        async {
            follow(&olga, &from_start, None, "line 1999").await;
            let sent = olga.post(&path, json!({ "line": "hello there" })).await;
            assert_eq!(sent.status, 200, "{}", sent.text());
            vera.post(&path, json!({ "line": "me too" }))
                .await
                .problem(403, "permission-missing");
        },
    );
    for heard in [&hers, &his] {
        let lines = lines(heard);
        let printed: Vec<_> = lines
            .iter()
            .filter(|(_, text)| text.starts_with("line "))
            .collect();
        assert_eq!(printed.len(), 2_000);
        assert!(
            printed
                .iter()
                .enumerate()
                .all(|(index, (_, text))| *text == format!("line {index}"))
        );
    }

    // From an offset, and from where a browser was cut off: the same lines, and nothing before.
    let all = lines(&hers);
    let (offset, text) = all[1_000].clone();
    let replayed = lines(&follow(&vera, &format!("{path}?from={offset}"), None, "hello there").await);
    assert_eq!(replayed[0], (offset, text));
    // Either may have been cut off a line sooner than the other.
    let common = replayed.len().min(all.len() - 1_000);
    assert_eq!(replayed[..common], all[1_000..1_000 + common]);
    let resumed = lines(&follow(&vera, &from_start, Some(&offset.to_string()), "hello there").await);
    assert_eq!(resumed[0], all[1_001]);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_read_in_pages_too() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let id = room.server(&olga, "printer", PRINTER).await;
    assert_eq!(
        olga.post(&format!("/api/servers/{id}/start"), json!({}))
            .await
            .status,
        200
    );
    follow(
        &olga,
        &format!("/api/servers/{id}/console?from=0"),
        None,
        "line 1999",
    )
    .await;
    let (mut texts, mut cursor) = (Vec::new(), Some("0".to_owned()));
    while let Some(next) = cursor {
        let page = olga
            .get(&format!("/api/servers/{id}/logs?limit=500&cursor={next}"))
            .await
            .json();
        let items = page["items"].as_array().expect("items").clone();
        texts.extend(
            items
                .iter()
                .map(|line| line["text"].as_str().expect("a text").to_owned()),
        );
        cursor = page["next_cursor"].as_str().map(str::to_owned);
    }
    let printed: Vec<_> = texts.iter().filter(|text| text.starts_with("line ")).collect();
    assert_eq!(printed.len(), 2_000);
    for limit in ["501", "many"] {
        let bad = olga.get(&format!("/api/servers/{id}/logs?limit={limit}")).await;
        bad.fault(400, "invalid-input", "limit");
        assert!(bad.text().contains("1 to 500"), "{}", bad.text());
    }
    room.close().await;
}

// On one thread, so that nothing is told while it happens.
#[tokio::test]
async fn who_listens_while_more_happens_than_can_be_told_is_sent_to_begin_anew() {
    let room = TestRoom::open(program!()).await;
    let olga = room.operator("olga").await;
    let has_flooded = Cell::new(false);
    let flood_at_first = |heard: &str| {
        if !has_flooded.get() && !named(heard, "hello").is_empty() {
            has_flooded.set(true);
            for is_locked in [true, false].repeat(1_000) {
                room.host.fleet.lock_nodes(|_| is_locked);
            }
        }
        false
    };
    let heard = olga.listen("/api/stream", None, flood_at_first);
    let heard = tokio::time::timeout(Duration::from_secs(20), heard).await;
    let heard = events(&heard.expect("the stream ends"));
    let last = heard.last().expect("a hello").id.clone();
    let is_there = |heard: &str| !named(heard, "hello").is_empty();
    let again = olga.listen("/api/stream", Some(&last), is_there).await;
    assert_eq!(events(&again)[0].data, json!({ "recovered": false }));
    room.close().await;
}

/// A ticket for whoever asks.
async fn ticket(visitor: &Visitor) -> String {
    let answer = visitor.post("/api/ws/ticket", serde_json::json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["expires_in"], 30);
    answer.json()["ticket"].as_str().expect("a ticket").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_stream_for_whoever_asked_and_nothing_else() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let stranger = room.stranger();
    stranger
        .post("/api/ws/ticket", serde_json::json!({}))
        .await
        .problem(401, "not-signed-in");
    let own = ticket(&vera).await;
    let elsewhere = stranger.get(&format!("/api/auth/me?ticket={own}")).await;
    assert_eq!(elsewhere.status, 401, "it is for streams alone");
    let path = format!("/api/stream?ticket={own}");
    let heard = stranger
        .listen(&path, None, |text| text.contains("event: hello"))
        .await;
    assert!(heard.contains("event: hello"));
    stranger.get(&path).await.problem(401, "ticket-invalid");
    // A ticket that is wrong is not made up for by a cookie.
    vera.get(&path).await.problem(401, "ticket-invalid");

    let late = ticket(&vera).await;
    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    let path = format!("/api/stream?ticket={late}");
    stranger.get(&path).await.problem(401, "ticket-invalid");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_uses_of_one_ticket_at_once_one_opens() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let path = format!("/api/stream?ticket={}", ticket(&vera).await);
    let (stranger, client) = (room.stranger(), room.client());
    // As many on each connection as it may have under way.
    let connections = join_all((0..10).map(|_| client.shared())).await;
    let uses = (0..1_000).map(|number: usize| {
        let request = stranger.request(http::Method::GET, &path);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        connections[number % connections.len()].status(request)
    });
    let statuses = join_all(uses).await;
    let of = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((of(200), of(401)), (1, 999), "{statuses:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_elses_hears_nothing_by_a_cookie() {
    let room = TestRoom::open(program!()).await;
    let vera = room.signed_in("vera", "viewer").await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = vera.request(http::Method::GET, "/api/stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        vera.begin(request.body(axum::body::Body::empty()).expect("a request"))
            .await
            .status
    };
    assert_eq!(
        ask(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]).await,
        200
    );
    assert_eq!(
        ask(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).await,
        403
    );
    assert_eq!(
        ask(&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")]).await,
        403
    );
    assert_eq!(ask(&[("origin", "https://evil.example")]).await, 403);
    room.close().await;
}
