//! A change whose audit entry cannot be written does not happen, and all is well again once it can.

use serde_json::json;
use watchroom_testkit::{PASSWORD, TestRoom, program};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_while_the_log_cannot_be_written() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let kept = room.server(&ada, "kept", "exec sleep 600").await;
    let started = ada.post(&format!("/api/servers/{kept}/start"), json!({})).await;
    assert_eq!(started.status, 200);
    let running = room.until_server(&ada, &kept, "running").await;
    let vera = room.account("vera", "viewer").await;
    room.deafen_log("true");

    let new = json!({ "name": "web", "command": ["/bin/true"] });
    let person = json!({ "name": "walt", "role": "viewer", "password": PASSWORD });
    for (path, body) in [
        ("/api/servers".to_owned(), new.clone()),
        (format!("/api/servers/{kept}/stop"), json!({})),
        (format!("/api/servers/{kept}/restart"), json!({})),
        ("/api/users".to_owned(), person),
        (format!("/api/users/{vera}/disable"), json!({})),
    ] {
        let refused = ada.post(&path, body).await;
        let problem = refused.problem(500, "internal");
        assert!(
            !problem["detail"].to_string().contains("deaf"),
            "{path}: nothing of the inside is told: {problem}"
        );
    }
    ada.delete(&format!("/api/servers/{kept}"))
        .await
        .problem(500, "internal");
    // Even reading the log is an act that must be written down, or is not done.
    ada.get("/api/audit").await.problem(500, "internal");
    assert_ne!(
        room.stranger().try_sign_in("vera", PASSWORD).await.status,
        303,
        "nobody gets in unseen"
    );

    let servers = ada.get("/api/servers").await.json();
    assert_eq!(servers["items"].as_array().map(Vec::len), Some(1), "{servers}");
    assert_eq!(
        servers["items"][0]["pid"], running["pid"],
        "it was neither stopped nor restarted"
    );
    assert_eq!(servers["items"][0]["desired"], "running");
    let people = ada.get("/api/users").await.json();
    let names: Vec<_> = people["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(names, ["ada", "vera"]);
    assert_eq!(
        ada.get(&format!("/api/users/{vera}")).await.json()["status"],
        "active"
    );

    room.undeafen_log();
    let created = ada.post("/api/servers", new).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let verdict = ada.post("/api/audit/verify", json!({})).await.json();
    assert_eq!(verdict["intact"], true, "the chain has no gap: {verdict}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_written_is_told_and_the_node_is_believed() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let id = room.server(&ada, "web", "exec sleep 600").await;
    // Intents are written, outcomes are not.
    room.deafen_log("NEW.extra LIKE '%\"outcome\"%'");
    ada.post(&format!("/api/servers/{id}/start"), json!({}))
        .await
        .problem(500, "internal");
    room.undeafen_log();
    // It did start: the node says so itself, and the log has the intent.
    room.until_server(&ada, &id, "running").await;
    let started = ada.get("/api/audit?action=server.start").await.json();
    let entries = started["items"].as_array().expect("items");
    assert_eq!(entries.len(), 1, "{started}");
    assert_eq!(entries[0]["extra"]["phase"], "intent");
    room.close().await;
}
