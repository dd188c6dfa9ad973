//! A person's data: handed over whole and without secrets, and erased so that nothing of ours says their name.

use std::path::Path;

use serde_json::{Value, json};
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

/// Which places say this: the tables, or files of the database and of the audit log.
fn places_with(room: &TestRoom, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["db", "audit"] {
        files_with(&room.state().join(folder), wanted, &mut found);
    }
    if room.dump().contains(wanted) {
        found.push("the database".to_owned());
    }
    found
}

fn files_with(folder: &Path, wanted: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_with(&path, wanted, found);
            continue;
        }
        // A file that goes while one looks at it says nothing.
        let bytes = std::fs::read(&path).unwrap_or_default();
        let wanted = wanted.as_bytes();
        if bytes.windows(wanted.len()).any(|window| window == wanted) {
            found.push(path.display().to_string());
        }
    }
}

/// Somebody who has left a trace in every corner: by session and by token.
/// No two people of one room have the same `number`: what they make is called
/// by it.
async fn busy(room: &TestRoom, name: &str, number: u8) -> (String, Visitor, Visitor) {
    let id = room.account(name, "admin").await;
    let mut page = room.stranger();
    page.try_sign_in(name, "wrong").await;
    page.sign_in(name, PASSWORD).await;
    let token = Visitor::with_token(room.client(), &room.token(id, true).await);
    let server = room.server(&token, &format!("of-{number}"), "exec cat").await;
    for verb in ["start", "stop"] {
        let done = token
            .post(&format!("/api/servers/{server}/{verb}"), json!({}))
            .await;
        assert_eq!(done.status, 200, "{}", done.text());
    }
    room.until_server(&token, &server, "stopped").await;
    let ban = json!({ "network": format!("198.51.100.{number}"), "kind": "sign_in", "reason": "a test" });
    let (ban, decoy) = (
        token.post("/api/security/bans", ban).await,
        token
            .post("/api/security/decoys", json!({ "name": format!("of-{number}") }))
            .await,
    );
    assert_eq!(
        (ban.status, decoy.status),
        (201, 201),
        "{} {}",
        ban.text(),
        decoy.text()
    );
    let address = json!({ "email": format!("{name}@home.example") });
    let email = room.admin(&format!("keeper-{number}")).await;
    let email = email.post(&format!("/api/users/{id}/email"), address).await;
    assert!(email.status < 300, "{}", email.text());
    (id.to_string(), page, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_named_nowhere_and_every_chain_still_verifies() {
    let room = TestRoom::open(program!()).await;
    let keeper = room.admin("the-keeper").await;
    for (name, number) in [("zephyrine-canary", 1), ("quill_bat.7", 2)] {
        let (id, page, token) = busy(&room, name, number).await;
        assert!(
            !places_with(&room, name).is_empty(),
            "or the search finds nothing at all"
        );
        let wrong = keeper
            .post(
                &format!("/api/users/{id}/erase"),
                json!({ "confirm": "the-keeper" }),
            )
            .await;
        wrong.problem(400, "name-differs");
        assert_eq!(page.get("/api/auth/me").await.status, 200);

        let erased = keeper
            .post(&format!("/api/users/{id}/erase"), json!({ "confirm": name }))
            .await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        let erased = erased.json();
        assert_eq!(erased["is_cleared"], true, "{erased}");
        assert!(
            erased["forgot"].as_u64() >= Some(3),
            "server, ban and decoy: {erased}"
        );
        assert_eq!(page.get("/api/auth/me").await.status, 401);
        assert_eq!(token.get("/api/auth/me").await.status, 401);
        assert_eq!(keeper.get(&format!("/api/users/{id}")).await.status, 404);
        let found = places_with(&room, name);
        assert!(found.is_empty(), "{name} stands in {found:?}");

        let did = keeper.get(&format!("/api/audit?text={id}")).await.json();
        let did = did["items"].as_array().map_or(0, Vec::len);
        assert!(did > 3, "what was done is still told of the id: {did}");
        let verdict = keeper.post("/api/audit/verify", json!({})).await.json();
        assert_eq!(verdict["intact"], true, "{verdict}");
    }
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_handed_over_without_secrets_and_to_nobody_who_may_not() {
    let room = TestRoom::open(program!()).await;
    let keeper = room.admin("the-keeper").await;
    let (id, _page, own) = busy(&room, "zephyrine", 1).await;
    let path = format!("/api/users/{id}/export");
    for export in [keeper.get(&path).await, own.get(&path).await] {
        assert_eq!(export.status, 200, "{}", export.text());
        let held = export.json();
        let rows = |table: &str| held["held"][table].as_array().map_or(0, Vec::len);
        assert_eq!(
            (
                rows("users"),
                rows("sessions"),
                rows("tokens"),
                rows("user_grants")
            ),
            (1, 1, 1, 1),
            "{held}"
        );
        assert_eq!(held["held"]["users"][0]["email"], "zephyrine@home.example");
        assert!(rows("named") >= 3, "{held}");
        let actions = |list: &Value| {
            let list = list.as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|entry| entry["action"].to_string())
                .collect::<Vec<_>>()
        };
        assert!(
            actions(&held["entries"]).contains(&"\"server.start\"".to_owned()),
            "{held}"
        );
        assert!(
            actions(&held["entries"]).contains(&"\"user.create\"".to_owned()),
            "{held}"
        );
        for secret in [
            "$argon2",
            "password_hash",
            "cookie_hash",
            "secret_hash",
            "csrf",
            "seed",
        ] {
            assert!(!export.text().contains(secret), "{secret}");
        }
    }
    let vera = room.viewer("vera").await;
    assert_eq!(vera.get(&path).await.status, 404);
    let refused = vera
        .post(
            &format!("/api/users/{id}/erase"),
            json!({ "confirm": "zephyrine" }),
        )
        .await;
    assert_eq!(refused.status, 404);
    let told = keeper
        .get("/api/audit?action=user.export&result=success")
        .await
        .json();
    assert_eq!(told["items"].as_array().map(Vec::len), Some(2), "{told}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_is_not_erased() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let id = ada.get("/api/auth/me").await.json()["user_id"].clone();
    let id = id.as_str().expect("an id");
    let refused = ada
        .post(&format!("/api/users/{id}/erase"), json!({ "confirm": "ada" }))
        .await;
    refused.problem(409, "last-administrator");
    assert_eq!(ada.get("/api/users").await.status, 200);
    room.close().await;
}
