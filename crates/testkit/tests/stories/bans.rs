//! Who is kept out: by a person, by evidence, for how long, and who must not be.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use watchroom::config::Config;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

/// How long evidence may take to become a ban on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Where administrators sit.
const DESK: &str = "10.9.8.7";
/// Where strangers are.
const FAR: &str = "198.51.100.7";

/// Loopback is a proxy, so that stories can come from anywhere.
pub fn proxied(config: &mut Config) {
    config.shield.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
}

async fn open() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), proxied).await
}

/// Waits until a path is answered with this status.
pub async fn until_status(visitor: &Visitor, path: &str, status: u16) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let answer = visitor.get(path).await;
        if answer.status == status {
            return;
        }
        let now = tokio::time::Instant::now();
        assert!(now < deadline, "{path} is still {}, not {status}", answer.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The only ban that holds or waits, once there is one.
async fn the_ban(admin: &Visitor) -> Value {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let bans = admin.get("/api/security/bans").await.json();
        let items = bans["items"].as_array().expect("items");
        if let [ban] = items.as_slice() {
            return ban.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{bans}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ban(admin: &Visitor, draft: Value) -> Value {
    let answer = admin.post("/api/security/bans", draft).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_names_from_one_network_ban_it_and_others_are_not_touched() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    room.account("vera", "viewer").await;
    let mut vera = room.stranger().coming_from(FAR);
    vera.sign_in("vera", PASSWORD).await;
    let thief = room.stranger().coming_from(FAR);
    for name in ["root", "admin", "vera", "oracle"] {
        let refused = thief.clone().try_sign_in(name, "Password 123!").await;
        assert_eq!(refused.status, 401);
    }
    until_status(&thief, "/login", 403).await;
    let bare = thief.get("/login").await;
    assert!(bare.body.is_empty(), "{}", bare.text());
    assert_eq!(bare.header("x-frame-options"), "DENY");
    assert_eq!(thief.get("/health").await.status, 200);
    assert_eq!(vera.get("/api/auth/me").await.status, 200, "who is in stays in");
    assert_eq!(vera.look("/").await.status, 200);
    // Nor does a session of one's own let anybody try the passwords of others.
    let fields = [("username", "ada"), ("password", "x"), ("csrf_token", "x")];
    assert_eq!(vera.submit("/login", &fields).await.status, 403);
    let neighbour = room.stranger().coming_from("198.51.100.8");
    assert_eq!(neighbour.get("/login").await.status, 200);

    let found = the_ban(&ada).await;
    assert_eq!(found["network"], "198.51.100.7/32", "{found}");
    assert_eq!(found["kind"], "sign_in");
    assert_eq!(found["status"], "active");
    assert_eq!(found["made_by"], "watchroom");
    assert_eq!(found["evidence"].as_array().map(Vec::len), Some(4), "{found}");
    let imposed = ada.get("/api/audit?action=ban.impose").await.json();
    assert_eq!(imposed["items"][0]["event_type"], "SUSPICIOUS", "{imposed}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_step_is_closed_to_an_address_that_may_not_sign_in() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    room.account("walt", "operator").await;
    let mut walt = room.stranger().coming_from(FAR);
    walt.sign_in("walt", PASSWORD).await;
    let (device, _) = walt.enrol(room.host.ambient().now()).await;
    let mut half = room.stranger().coming_from(FAR);
    let first = half.try_sign_in("walt", PASSWORD).await;
    assert_eq!(first.header("location"), "/login/mfa", "{}", first.text());
    let token = half.form_token("/login/mfa").await;
    // The code of enrolment was used; the next one is taken a step early.
    let code = device.code(room.host.ambient().now() + Duration::from_secs(30));
    let fields = [("csrf_token", token.as_str()), ("code", code.as_str())];

    let draft = json!({ "network": FAR, "kind": "sign_in", "reason": "guesses codes", "for_s": 600 });
    let made = ban(&ada, draft).await;
    until_status(&room.stranger().coming_from(FAR), "/login", 403).await;
    let refused = half.submit("/login/mfa", &fields).await;
    assert_eq!(
        (refused.status, refused.body.len()),
        (403, 0),
        "{}",
        refused.text()
    );
    assert_eq!(
        half.get("/api/servers").await.status,
        403,
        "the second step was not made"
    );
    assert_eq!(walt.get("/api/auth/me").await.status, 200, "who is in stays in");

    // It was the ban alone: the very same form is right once the address may sign in again.
    let path = format!("/api/security/bans/{}", made["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&path).await.status, 204);
    until_status(&room.stranger().coming_from(FAR), "/login", 200).await;
    let let_in = half.submit("/login/mfa", &fields).await;
    assert_eq!(let_in.status, 303, "{}", let_in.text());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_ones_own_lets_nobody_guess_where_nobody_may_sign_in() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    for name in ["vera", "walt"] {
        room.account(name, "viewer").await;
    }
    let asked = |name: &str| json!({ "username": name, "password": PASSWORD });
    let granted = room
        .stranger()
        .post("/api/auth/token", asked("vera"))
        .await
        .json();
    let access = granted["access_token"].as_str().expect("a token");
    let vera = Visitor::with_token(room.client(), access).coming_from(FAR);
    let draft = json!({ "network": FAR, "kind": "sign_in", "reason": "guesses", "for_s": 600 });
    ban(&ada, draft).await;
    until_status(&room.stranger().coming_from(FAR), "/login", 403).await;

    let guessed = vera.post("/api/auth/token", asked("walt")).await;
    assert_eq!(
        (guessed.status, guessed.body.len()),
        (403, 0),
        "{}",
        guessed.text()
    );
    assert_eq!(vera.get("/api/auth/me").await.status, 200);
    let refresh = json!({ "refresh_token": granted["refresh_token"] });
    let next = vera.post("/api/auth/token", refresh).await;
    assert_eq!(next.status, 200, "who is in goes on: {}", next.text());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_lockout_is_no_ban_and_a_second_one_is() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let thief = room.stranger().coming_from("2001:db8:1:2::1");
    for name in ["vera", "walt"] {
        for _ in 0..5 {
            let refused = thief.clone().try_sign_in(name, "no").await;
            assert_eq!(refused.status, 401, "not banned yet");
        }
    }
    let found = the_ban(&ada).await;
    assert_eq!(found["network"], "2001:db8:1:2::/64", "{found}");
    let rotated = room.stranger().coming_from("2001:db8:1:2:ffff::1");
    until_status(&rotated, "/login", 403).await;
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_one_attack_after_another_is_banned_and_others_are_not() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let scanner = room.stranger().coming_from(FAR);
    let other = room.stranger().coming_from("198.51.100.8");
    for attack in [
        "1' union select password from users--",
        "x' or '1'='1",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "../../../../etc/passwd",
        "1; drop table users--",
    ] {
        let query = serde_urlencoded::to_string([("next", attack)]).expect("a query");
        let answer = scanner.get(&format!("/login?{query}")).await;
        assert!([400, 403].contains(&answer.status), "{attack}: {}", answer.status);
    }
    until_status(&scanner, "/login", 403).await;
    assert_eq!(other.get("/login").await.status, 200);
    assert_eq!(the_ban(&ada).await["kind"], "attack");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_cannot_have_its_visitors_banned() {
    let room = open().await;
    room.admin("ada").await;
    let victim = room.stranger().coming_from(FAR);
    let scanner = room.stranger().coming_from("198.51.100.8");
    let picture = victim.request(http::Method::GET, "/.env");
    let picture = picture.header("sec-fetch-site", "cross-site");
    let in_the_clear = victim.request(http::Method::GET, "/.env");
    let in_the_clear = in_the_clear.header("x-forwarded-proto", "http");
    for request in [picture, in_the_clear] {
        victim.send(request.body(Body::empty()).expect("a request")).await;
    }
    scanner.get("/.env").await;
    // Evidence is weighed in its order.
    until_status(&scanner, "/login", 403).await;
    assert_eq!(victim.get("/login").await.status, 200);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_the_streams_of_whoever_it_keeps_out() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let vera = room.viewer("vera").await.coming_from(FAR);
    let is_open = tokio::sync::Notify::new();
    let listening = vera.listen("/api/stream", None, |heard| {
        if heard.contains("event: hello") {
            is_open.notify_one();
        }
        false
    });
    let (heard, ()) = tokio::join!(tokio::time::timeout(SOON, listening), async {
        is_open.notified().await;
        let new = json!({ "network": FAR, "kind": "attack", "reason": "a test" });
        ban(&ada, new).await;
    });
    let heard = heard.expect("the stream ends");
    assert!(
        !heard.contains("event: ended"),
        "her session is not over: {heard}"
    );
    assert_eq!(vera.get("/api/auth/me").await.status, 403);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn touching_a_decoy_bans_and_each_ban_lasts_longer() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, proxied).await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let scanner = room.stranger().coming_from(FAR);
    let other = room.stranger().coming_from("198.51.100.8");
    let missing = other.get("/no-such-page").await;
    for (path, hours) in [
        ("/.env", 1),
        ("/.git/config", 4),
        ("/wp-login.php", 24),
        ("/.env", 168),
    ] {
        let bait = scanner.get(path).await;
        assert_eq!((bait.status, bait.slug()), (missing.status, missing.slug()));
        until_status(&scanner, "/login", 403).await;
        assert_eq!(scanner.get("/health").await.status, 200);
        assert_eq!(other.get("/login").await.status, 200);
        let found = the_ban(&ada).await;
        let evidence = found["evidence"][0].as_str().expect("a line");
        assert!(evidence.contains(path), "{found}");
        clock.advance(Duration::from_secs(hours * 3_600 - 1));
        assert_eq!(scanner.get("/login").await.status, 403, "{hours} h are not over");
        clock.advance(Duration::from_secs(1));
        assert_eq!(scanner.get("/login").await.status, 200, "{hours} h are over");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn banning_oneself_or_ones_own_is_held_until_somebody_confirms() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let eve = room.admin("eve").await.coming_from("10.20.0.1");
    room.account("walt", "admin").await;
    let mut walt = room.stranger().coming_from("10.30.0.1");
    walt.sign_in("walt", PASSWORD).await;
    for (network, whom) in [
        ("10.9.8.0/24", "address that you come from"),
        ("10.30.0.1", "administrator walt"),
        ("127.0.0.0/8", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
    ] {
        let (held, id) = held(&ada, json!({ "network": network, "reason": "a slip" })).await;
        let because = held["held_because"].as_str().expect("whom");
        assert!(because.contains(whom), "{held}");
        assert_eq!(ada.get("/api/nodes").await.status, 200);
        let lifted = ada.delete(&format!("/api/security/bans/{id}")).await;
        assert_eq!(lifted.status, 204);
    }
    let (_, id) = held(
        &ada,
        json!({ "network": DESK, "reason": "really", "for_s": 3600 }),
    )
    .await;
    let confirm = format!("/api/security/bans/{id}/confirm");
    let confirmed = eve.post(&confirm, json!({})).await;
    assert_eq!(confirmed.json()["status"], "active", "{}", confirmed.text());
    eve.post(&confirm, json!({})).await.problem(409, "ban-not-held");
    assert_eq!(
        ada.get("/api/nodes").await.status,
        403,
        "a ban for an attack ends all"
    );
    let lift = format!("/api/security/bans/{id}");
    assert_eq!(eve.delete(&lift).await.status, 204);
    assert_eq!(ada.get("/api/nodes").await.status, 200);
    eve.delete(&lift).await.problem(404, "not-found");
    room.close().await;
}

async fn held(admin: &Visitor, new: Value) -> (Value, String) {
    let held = ban(admin, new).await;
    assert_eq!(held["status"], "held", "{held}");
    let id = held["id"].as_str().expect("an id").to_owned();
    (held, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ban_is_refused_with_the_field() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    for (draft, field) in [
        (json!({ "network": "everybody", "reason": "x" }), "network"),
        (json!({ "network": "192.0.2.0/33", "reason": "x" }), "network"),
        (json!({ "network": "192.0.2.7", "reason": " " }), "reason"),
        (json!({ "network": "192.0.2.7", "reason": "a\nb" }), "reason"),
        (
            json!({ "network": "192.0.2.7", "reason": "x", "for_s": 5 }),
            "for_s",
        ),
    ] {
        let answer = ada.post("/api/security/bans", draft).await;
        answer.fault(400, "invalid-input", field);
    }
    let list = ada.get("/api/security/bans?status=some").await;
    list.fault(400, "invalid-input", "status");
    let new = json!({ "network": "2001:db8::1", "kind": "sign_in", "reason": "x" });
    let wide = ban(&ada, new).await;
    assert_eq!(wide["network"], "2001:db8::/64", "a customer has a /64 at least");
    assert_eq!(wide["until"], Value::Null);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_is_refused_from_afar_and_written_down_once() {
    let room = open().await;
    let ada = room.admin("ada").await;
    let far = ada.clone().coming_from(FAR);
    let near = ada.clone().coming_from(DESK);
    let new = || json!({ "network": "192.0.2.9", "reason": "x" });
    for _ in 0..4 {
        let refused = far.post("/api/security/bans", new()).await;
        refused.problem(403, "network-not-allowed");
    }
    let all = ["/api/nodes", "/api/users", "/api/security/bans"];
    for list in all {
        assert_eq!(far.get(list).await.status, 200, "{list} is read from anywhere");
    }
    assert_eq!(near.post("/api/security/bans", new()).await.status, 201);
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let entries = near.get("/api/audit?action=shield.refused").await.json();
        let entries = entries["items"].as_array().cloned().expect("items");
        let is_told = |entry: &&Value| entry["extra"]["why"] == "network-not-allowed";
        match entries.iter().filter(is_told).count() {
            0 => assert!(tokio::time::Instant::now() < deadline, "{entries:?}"),
            told => break assert_eq!(told, 1, "once per address and minute"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoy_token_opens_nothing_looks_like_any_other_and_tells_of_whoever_tries_it() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let made = ada
        .post("/api/security/decoys", json!({ "name": "old-backup" }))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let decoy = made.json();
    let text = decoy["token"].as_str().expect("a text");
    let vera = room.account("vera", "viewer").await;
    let real = room.token(vera, false).await;
    assert_eq!(text.len(), real.len());
    assert!(text.starts_with("wr_pat_"), "{text}");
    let again = ada
        .post("/api/security/decoys", json!({ "name": "old-backup" }))
        .await;
    assert_eq!(again.status, 409, "{}", again.text());

    let with = |token: &str| Visitor::with_token(room.client(), token).coming_from(FAR);
    let thief = with(text);
    let tried = thief.get("/api/nodes").await;
    assert_eq!(tried.status, 401);
    let (mut told, mut of_unknown) = (tried.json(), unknown(&room, &ada).await);
    for answer in [&mut told, &mut of_unknown] {
        answer.as_object_mut().expect("a problem").remove("request_id");
    }
    assert_eq!(told, of_unknown, "it is answered as one that is unknown");
    until_status(&thief, "/login", 403).await;
    let other = room.stranger().coming_from("198.51.100.8");
    assert_eq!(other.get("/login").await.status, 200);
    assert_eq!(the_ban(&ada).await["kind"], "attack");

    let deadline = tokio::time::Instant::now() + SOON;
    let entry = loop {
        let log = ada.get("/api/audit?action=decoy.touch").await.json();
        if let Some(entry) = log["items"].get(0) {
            break entry.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(entry["event_type"], "SUSPICIOUS", "{entry}");
    assert_eq!(entry["extra"]["from"], FAR, "{entry}");
    let listed = ada.get("/api/security/decoys").await.json();
    assert_eq!(listed["items"][0]["touches"], 1, "{listed}");
    assert!(!listed.to_string().contains(text), "its text is shown once");
    let path = format!("/api/security/decoys/{}", decoy["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path).await.status, 404);
    room.close().await;
}

/// What whoever shows a token that was revoked is told.
async fn unknown(room: &TestRoom, admin: &Visitor) -> Value {
    let walt = room.account("walt", "viewer").await;
    let token = room.token(walt, false).await;
    let list = admin.get(&format!("/api/tokens?user={walt}")).await.json();
    let items = list["items"].as_array().expect("items");
    let of_walt = |one: &&Value| one["owner"] == json!(walt);
    let id = items.iter().find(of_walt).expect("a token")["id"]
        .as_str()
        .expect("an id");
    assert_eq!(admin.delete(&format!("/api/tokens/{id}")).await.status, 204);
    let visitor = Visitor::with_token(room.client(), &token).coming_from("198.51.100.9");
    visitor.get("/api/nodes").await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_are_forgotten_once_they_count_no_more() {
    let clock = Clock::manual(Clock::system().now());
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::system(),
        tasks: Tasks::new(),
    };
    let room = TestRoom::with(program!(), ambient, proxied).await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let short = json!({ "network": "198.51.100.7", "reason": "an hour", "for_s": 3_600 });
    ban(&ada, short).await;
    let lasting = json!({ "network": "198.51.100.8", "reason": "without an end" });
    ban(&ada, lasting).await;
    let remembered = async || {
        let all = ada.get("/api/security/bans?status=all").await.json();
        all["items"].as_array().map_or(0, Vec::len)
    };
    clock.advance(Duration::from_secs(29 * 86_400));
    assert_eq!(room.host.defence.prune().await.expect("a database"), 0);
    assert_eq!(remembered().await, 2, "what is over counts for a month");
    clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(room.host.defence.prune().await.expect("a database"), 1);
    assert_eq!(remembered().await, 1, "what holds stays");
    room.close().await;
}
