//! What is taken from somebody is gone at once, whichever way they come: by cookie, API token and access token; asked by
//! HTTP, and on event streams and WebSockets that are open. What was not taken goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;
use watchroom_model::UserId;
use watchroom_testkit::{Heard, Machine, PASSWORD, Socket, TestRoom, Visitor, program};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Streams ask every half second whether they may go on: after this one that is open is one that may.
const ASKED_AGAIN: Duration = Duration::from_millis(700);

/// What becomes of one way of showing who one is: nothing, or this status.
type After = Option<u16>;

/// What is taken, and what becomes of cookie, API token and access token.
struct Row {
    what: &'static str,
    take: Take,
    after: [After; 3],
}

#[derive(Clone, Copy)]
enum Take {
    SignOut,
    ProgramSignOut,
    EndSession,
    EndAllSessions,
    LoseGrant,
    WeakenRole,
    Disable,
    LockUser,
    LockToken,
    LockRole,
    RevokeToken,
    ResetFactors,
    ResetPassword,
}

const ALL: [Row; 13] = [
    row("sign-out", Take::SignOut, [Some(401), None, None]),
    row(
        "a program's sign-out",
        Take::ProgramSignOut,
        [None, None, Some(401)],
    ),
    row(
        "one session ended by an administrator",
        Take::EndSession,
        [Some(401), None, None],
    ),
    row(
        "all sessions ended by an administrator",
        Take::EndAllSessions,
        [Some(401), None, Some(401)],
    ),
    row("a role taken", Take::LoseGrant, [Some(403); 3]),
    row("a role that gives less", Take::WeakenRole, [Some(403); 3]),
    row("an account disabled", Take::Disable, [Some(401); 3]),
    row(
        "a person locked",
        Take::LockUser,
        [Some(401), Some(423), Some(401)],
    ),
    row("a token locked", Take::LockToken, [None, Some(423), None]),
    row("a role locked", Take::LockRole, [Some(403); 3]),
    row("a token revoked", Take::RevokeToken, [None, Some(401), None]),
    row("factors reset", Take::ResetFactors, [Some(401), None, Some(401)]),
    row(
        "a password reset",
        Take::ResetPassword,
        [Some(401), None, Some(401)],
    ),
];

const fn row(what: &'static str, take: Take, after: [After; 3]) -> Row {
    Row { what, take, after }
}

/// Somebody who came by all three ways.
struct Person {
    id: UserId,
    role: String,
    grant: String,
    session: String,
    token: String,
    ways: [Visitor; 3],
}

impl Person {
    async fn come(room: &TestRoom, ada: &Visitor, name: &str) -> Self {
        let role = format!("{name}-role");
        for (name, permissions) in [(role.as_str(), json!(["nodes:read"])), ("nobody", json!([]))] {
            let role = json!({ "name": name, "role": { "permissions": permissions, "per_minute": 1000 } });
            assert!([201, 409].contains(&ada.post("/api/roles", role).await.status));
        }
        let id = room.account(name, "nobody").await;
        let given = json!({ "user": id, "role": role });
        let grant = ada.post("/api/grants", given).await.json();
        let by_token = Visitor::with_token(room.client(), &room.token(id, false).await);
        let mut by_cookie = room.stranger();
        by_cookie.sign_in(name, PASSWORD).await;
        let listed = ada.get(&format!("/api/users/{id}/sessions")).await.json();
        let session = text(&listed["items"][0]["id"]);
        let asked = json!({ "username": name, "password": PASSWORD });
        let granted = room.stranger().post("/api/auth/token", asked).await.json();
        let by_access = Visitor::with_token(room.client(), &text(&granted["access_token"]));
        let tokens = ada.get("/api/tokens?limit=500").await.json();
        let own = |token: &&Value| token["owner"] == json!(id);
        let token = tokens["items"].as_array().expect("tokens").iter().find(own);
        Self {
            id,
            role,
            grant: text(&grant["id"]),
            session,
            token: text(&token.expect("a token")["id"]),
            ways: [by_cookie, by_token, by_access],
        }
    }

    async fn lose(&self, take: Take, ada: &Visitor) {
        let Self { id, role, .. } = self;
        let lock = |target: String| json!({ "target": target, "for_s": 600, "reason": "a drill" });
        let user = |act: &str| format!("/api/users/{id}/{act}");
        let answer = match take {
            Take::SignOut => self.ways[0].submit("/logout", &[]).await,
            Take::ProgramSignOut => self.ways[2].delete("/api/auth/token").await,
            Take::EndSession => ada.delete(&user(&format!("sessions/{}", self.session))).await,
            Take::EndAllSessions => ada.delete(&user("sessions")).await,
            Take::LoseGrant => ada.delete(&format!("/api/grants/{}", self.grant)).await,
            Take::WeakenRole => {
                let less = json!({ "permissions": ["nets:read"], "per_minute": 1000 });
                ada.post(&format!("/api/roles/{role}"), less).await
            }
            Take::Disable => ada.post(&user("disable"), json!({})).await,
            Take::LockUser => ada.post("/api/locks", lock(format!("user:{id}"))).await,
            Take::LockToken => {
                ada.post("/api/locks", lock(format!("token:{}", self.token)))
                    .await
            }
            Take::LockRole => ada.post("/api/locks", lock(format!("role:{role}"))).await,
            Take::RevokeToken => ada.delete(&format!("/api/tokens/{}", self.token)).await,
            Take::ResetFactors => ada.post(&user("reset-factors"), json!({})).await,
            Take::ResetPassword => {
                let new = json!({ "password": "Another Passphrase 7!" });
                ada.post(&user("reset-password"), new).await
            }
        };
        assert!(
            [200, 201, 204, 303].contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.text()
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// Listens until it is over, or, if it goes on, until news come that are told when it should have been over.
async fn by_stream(visitor: &Visitor, goes_on: bool, open: &AtomicUsize) -> Instant {
    let is_counted = AtomicUsize::new(0);
    let is_enough = |heard: &str| {
        if heard.contains("event: hello") && is_counted.swap(1, Ordering::Relaxed) == 0 {
            open.fetch_add(1, Ordering::Relaxed);
        }
        goes_on && heard.contains("event: join_request")
    };
    let heard = tokio::time::timeout(PATIENCE, visitor.listen("/api/stream", None, is_enough)).await;
    let heard = heard.expect("it ends, or news come");
    assert!(!goes_on || heard.contains("event: join_request"), "{heard}");
    Instant::now()
}

/// The same by WebSocket.
async fn by_socket(mut socket: Socket, goes_on: bool, open: &AtomicUsize) -> Instant {
    assert_eq!(socket.message().await["event"], "hello");
    socket
        .say(&json!({ "do": "subscribe", "topics": ["join_request"] }))
        .await;
    assert_eq!(socket.message().await["event"], "subscribed");
    open.fetch_add(1, Ordering::Relaxed);
    if goes_on {
        assert_eq!(socket.message().await["event"], "join_request");
        return Instant::now();
    }
    match socket.until_closed().await {
        (_, Heard::Closed(1008 | 1012, _)) => {}
        other => panic!("{other:?}"),
    }
    Instant::now()
}

async fn opened(way: usize, visitor: &Visitor) -> Socket {
    match way {
        0 => visitor.page_socket().await,
        _ => visitor.socket("/api/ws", &[]).await.expect("a socket"),
    }
}

/// Takes it, and sees what becomes of everything that was open. What took how long.
async fn tell(room: &TestRoom, ada: &Visitor, number: usize, row: &Row) -> String {
    let person = Person::come(room, ada, &format!("person-{number}")).await;
    let mut ways = Vec::new();
    for (way, (visitor, after)) in person.ways.iter().zip(row.after).enumerate() {
        assert_eq!(visitor.get("/api/nodes").await.status, 200, "{}", row.what);
        ways.push((visitor, after, opened(way, visitor).await));
    }
    let (open, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let lost = row.after.iter().filter(|after| after.is_some()).count();
    let watch = ways.into_iter().map(|(visitor, after, socket)| {
        let (open, over) = (&open, &over);
        async move {
            let counted = async |ended: Instant| {
                over.fetch_add(usize::from(after.is_some()), Ordering::Relaxed);
                ended
            };
            tokio::join!(
                async { counted(by_stream(visitor, after.is_none(), open).await).await },
                async { counted(by_socket(socket, after.is_none(), open).await).await }
            )
        }
    });
    let act = async {
        until(&open, 2 * person.ways.len()).await;
        person.lose(row.take, ada).await;
        let taken = Instant::now();
        for (visitor, after) in person.ways.iter().zip(row.after) {
            let answer = visitor.get("/api/nodes").await;
            assert_eq!(
                answer.status,
                after.unwrap_or(200),
                "{}: {}",
                row.what,
                answer.text()
            );
        }
        let by_http = taken.elapsed();
        until(&over, 2 * lost).await;
        tokio::time::sleep(ASKED_AGAIN).await;
        // News for whoever still listens.
        Machine::new(&format!("machine-{number}"))
            .request(ada, None)
            .await;
        (taken, by_http)
    };
    let (ended, (taken, by_http)) = tokio::join!(join_all(watch), act);
    let slowest = |of: fn(&(Instant, Instant)) -> Instant| {
        let lost = ended.iter().zip(row.after).filter(|(_, after)| after.is_some());
        lost.map(|(ended, _)| of(ended).saturating_duration_since(taken))
            .max()
    };
    format!(
        "{}: asked again {by_http:?}, event streams {:?}, WebSockets {:?}",
        row.what,
        slowest(|(stream, _)| *stream).unwrap_or_default(),
        slowest(|(_, socket)| *socket).unwrap_or_default(),
    )
}

async fn until(count: &AtomicUsize, wanted: usize) {
    let deadline = Instant::now() + PATIENCE;
    while count.load(Ordering::Relaxed) < wanted {
        assert!(
            Instant::now() < deadline,
            "{} of {wanted}",
            count.load(Ordering::Relaxed)
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_gone_at_once_whichever_way_somebody_comes() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    for (number, row) in ALL.iter().enumerate() {
        println!("{}", tell(&room, &ada, number, row).await);
    }
    room.close().await;
}
