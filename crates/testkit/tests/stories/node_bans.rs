//! Who is banned at the Host is kept out by its nodes: at the page of a second machine, behind a proxy.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use watchroom_kit::Ambient;
use watchroom_testkit::{Machine, TestRoom, Visitor, program};

use super::bans::proxied;

/// How long a node may take to hear on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Where the administrator sits.
const DESK: &str = "10.9.8.7";
/// Who is banned.
pub const FAR: &str = "198.51.100.7";
/// Who is not.
const OTHER: &str = "198.51.100.8";
/// The name under which a proxy shows the page.
const NAME: &str = "attic.example";

/// The page of a second machine, as a proxy on it reaches it.
#[derive(Clone, Copy)]
pub struct Page(SocketAddr);

impl Page {
    /// The status of the answer to whoever comes from `client`; with a cookie that opens nothing, if asked for.
    pub async fn status(self, client: &str, cookie: bool) -> u16 {
        let mut stream = TcpStream::connect(self.0).await.expect("the page listens");
        let cookie = if cookie {
            format!("cookie: watchroom_node_{}=x\r\n", self.0.port())
        } else {
            String::new()
        };
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {NAME}\r\nx-forwarded-for: {client}\r\nx-forwarded-proto: https\r\n\
             {cookie}connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status")
    }

    /// Asks until it is so.
    pub async fn until(self, client: &str, status: u16) {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let now = self.status(client, false).await;
            if now == status {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{client} gets {now}, not {status}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A room, its administrator, and a second machine with a page.
async fn attic() -> (TestRoom, Visitor, Machine, Page) {
    let room = TestRoom::with(program!(), Ambient::system(), proxied).await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let machine = joined(&ada).await;
    let (machine, page) = started(machine, &ada).await;
    (room, ada, machine, page)
}

/// A second machine that has joined.
pub async fn joined(admin: &Visitor) -> Machine {
    let wishes = json!({ "auto_approve": true });
    let made = admin.post("/api/cluster/tokens", wishes).await.json();
    let machine = Machine::new("attic");
    let joined = machine.join(made["join_url"].as_str().expect("a URL")).await;
    joined.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
    machine
}

/// The machine with its agent running, and its page.
pub async fn started(mut machine: Machine, admin: &Visitor) -> (Machine, Page) {
    let page = Page(machine.start_with_page(program!(), NAME).await);
    until_online(admin, "attic").await;
    (machine, page)
}

/// Waits until the node of this name is online.
pub async fn until_online(admin: &Visitor, name: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let nodes = admin.get("/api/nodes").await.json();
        let items = nodes["items"].as_array().expect("items");
        if items
            .iter()
            .any(|node| node["name"] == name && node["status"] == "online")
        {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{nodes}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes a ban, and gives its id.
pub async fn ban(admin: &Visitor, new: Value) -> String {
    let made = admin.post("/api/security/bans", new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

async fn lift(admin: &Visitor, id: &str) {
    let lifted = admin.delete(&format!("/api/security/bans/{id}")).await;
    assert_eq!(lifted.status, 204, "{}", lifted.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_banned_at_the_host_is_refused_at_a_nodes_page_until_the_ban_is_lifted() {
    let (room, ada, machine, page) = attic().await;
    assert_eq!(page.status(FAR, false).await, 401, "a stranger like any other");
    let id = ban(&ada, json!({ "network": FAR, "reason": "tries passwords" })).await;
    let made = tokio::time::Instant::now();
    page.until(FAR, 403).await;
    println!("the node's page knew of the ban within {:.0?}", made.elapsed());
    assert_eq!(page.status(FAR, true).await, 403);
    assert_eq!(page.status(OTHER, false).await, 401);
    lift(&ada, &id).await;
    page.until(FAR, 401).await;

    let six = json!({ "network": "2001:db8:1:2::1", "reason": "tries passwords" });
    ban(&ada, six).await;
    page.until("2001:db8:1:2:ffff::9", 403).await;
    assert_eq!(page.status("2001:db8:1:3::1", false).await, 401);
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_from_sign_in_lets_on_who_shows_something() {
    let (room, ada, machine, page) = attic().await;
    let new = json!({ "network": FAR, "kind": "sign_in", "reason": "tries passwords" });
    ban(&ada, new).await;
    page.until(FAR, 403).await;
    assert_eq!(
        page.status(FAR, true).await,
        401,
        "it is asked what the cookie is worth"
    );
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_that_waits_is_not_told_and_loopback_is_never_refused() {
    let (room, ada, machine, page) = attic().await;
    let eve = room.admin("eve").await.coming_from("10.20.0.1");
    let held = ban(&ada, json!({ "network": "10.9.8.0/24", "reason": "a slip" })).await;
    // Told after it, so that it would be there by now.
    ban(&ada, json!({ "network": FAR, "reason": "tries passwords" })).await;
    page.until(FAR, 403).await;
    assert_eq!(page.status("10.9.8.9", false).await, 401);
    let confirmed = eve
        .post(&format!("/api/security/bans/{held}/confirm"), json!({}))
        .await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    page.until("10.9.8.9", 403).await;

    // Somebody really means everybody, this machine too: whoever sits at the node is let in all the same.
    let all = ban(&eve, json!({ "network": "0.0.0.0/0", "reason": "a fire" })).await;
    let confirmed = eve
        .post(&format!("/api/security/bans/{all}/confirm"), json!({}))
        .await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    page.until(OTHER, 403).await;
    for here in ["127.0.0.1", "::1"] {
        assert_ne!(page.status(here, false).await, 403, "{here}");
    }
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_catches_up() {
    let (room, ada, mut machine, page) = attic().await;
    let first = ban(&ada, json!({ "network": FAR, "reason": "tries passwords" })).await;
    page.until(FAR, 403).await;
    machine.switch_off().await;
    lift(&ada, &first).await;
    ban(&ada, json!({ "network": OTHER, "reason": "tries passwords" })).await;

    let page = Page(machine.start_with_page(program!(), NAME).await);
    page.until(OTHER, 403).await;
    page.until(FAR, 401).await;
    machine.close().await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_no_host_keeps_out_whom_it_was_told_of() {
    let (room, ada, mut machine, page) = attic().await;
    ban(&ada, json!({ "network": FAR, "reason": "tries passwords" })).await;
    page.until(FAR, 403).await;
    machine.switch_off().await;
    let nodes = ada.get("/api/nodes").await.json();
    let items = nodes["items"].as_array().expect("items");
    let attic = items.iter().find(|node| node["name"] == "attic").expect("a node");
    let path = format!("/api/cluster/nodes/{}", attic["id"].as_str().expect("an id"));
    let revoked = ada.delete(&path).await;
    assert!(revoked.status < 300, "{}", revoked.text());

    // The Host tells it nothing any more.
    let page = Page(machine.start_with_page(program!(), NAME).await);
    assert_eq!(page.status(FAR, false).await, 403);
    assert_eq!(page.status(OTHER, false).await, 401);
    machine.close().await;
    room.close().await;
}
