//! Many at once: only so many are banned by evidence, and the others are refused all the same.

use std::time::Duration;

use serde_json::Value;
use watchroom_kit::Ambient;
use watchroom_testkit::{TestRoom, Visitor, program};

use super::bans::proxied;

const PATIENCE: Duration = Duration::from_secs(20);
/// Most bans by evidence, in this room.
const MOST: u32 = 2;

/// The networks that are banned now.
async fn banned(admin: &Visitor) -> Vec<String> {
    let bans = admin.get("/api/security/bans").await.json();
    let items = bans.get("items").and_then(Value::as_array);
    let active = |ban: &&Value| ban.get("status").is_some_and(|status| status == "active");
    let networks = items.into_iter().flatten().filter(active);
    networks
        .filter_map(|ban| ban.get("network")?.as_str().map(str::to_owned))
        .collect()
}

/// Waits until somebody is banned.
async fn until_banned(admin: &Visitor, network: &str) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !banned(admin).await.iter().any(|banned| banned == network) {
        assert!(tokio::time::Instant::now() < deadline, "{network} is not banned");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_that_touches_decoys_only_so_many_are_banned_until_one_ban_is_over() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        proxied(config);
        config.bans.most = MOST;
    })
    .await;
    let ada = room.admin("ada").await.coming_from("10.9.8.7");
    let touch = async |address: &str| {
        let status = room.stranger().coming_from(address).get("/.env").await.status;
        assert_eq!(status, 404, "{address}");
    };
    for address in ["198.51.100.1", "198.51.100.2"] {
        touch(address).await;
        until_banned(&ada, &format!("{address}/32")).await;
    }
    touch("198.51.100.3").await;
    // A person's own bans are as many as they like.
    let draft =
        serde_json::json!({ "network": "192.0.2.1", "kind": "attack", "reason": "spam", "for_s": 600 });
    assert_eq!(ada.post("/api/security/bans", draft).await.status, 201);

    let bans = ada.get("/api/security/bans").await.json();
    let first = bans["items"].as_array().expect("items");
    let first = first.iter().find(|ban| ban["network"] == "198.51.100.1/32");
    let id = first.expect("the first")["id"].as_str().expect("an id");
    assert_eq!(ada.delete(&format!("/api/security/bans/{id}")).await.status, 204);
    touch("198.51.100.4").await;
    until_banned(&ada, "198.51.100.4/32").await;
    // Evidence is weighed in its order: the third was looked at before the fourth, and let be.
    assert!(!banned(&ada).await.contains(&"198.51.100.3/32".to_owned()));
    room.close().await;
}
