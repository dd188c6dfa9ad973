//! A database that goes away and comes back.

use std::time::Duration;

use serde_json::json;
use watchroom_testkit::{TestRoom, program};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_nothing_is_promised_and_afterwards_all_is_well() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let new = |name: &str| json!({ "name": name, "command": ["/bin/true"] });
    assert_eq!(ada.post("/api/servers", new("before")).await.status, 201);
    room.take_database_away();
    let refused = ada.post("/api/servers", new("during")).await;
    refused.problem(503, "store-unavailable");
    ada.get("/api/audit").await.problem(503, "store-unavailable");
    room.bring_database_back();
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let again = ada.post("/api/servers", new("after")).await;
        if again.status == 201 {
            break;
        }
        again.problem(503, "store-unavailable");
        assert!(tokio::time::Instant::now() < deadline, "it never healed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let servers = ada.get("/api/servers").await.json();
    let names: Vec<_> = servers["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|server| &server["name"])
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let verdict = ada.post("/api/audit/verify", json!({})).await.json();
    assert_eq!(verdict["intact"], true, "{verdict}");
    room.close().await;
}
