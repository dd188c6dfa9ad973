//! A look over the installation: what a whole Host finds of itself, and who may ask.

use serde_json::Value;
use watchroom_kit::Ambient;
use watchroom_testkit::{TestRoom, Visitor, program};

async fn found(admin: &Visitor) -> Vec<Value> {
    let answer = admin.get("/api/security/doctor").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().expect("items").clone()
}

fn finding<'a>(checks: &'a [Value], id: &str) -> &'a str {
    let check = checks.iter().find(|check| check["id"] == id);
    let check = check.unwrap_or_else(|| panic!("no {id} in {checks:?}"));
    let is_told = check["evidence"].as_str().is_some_and(|text| !text.is_empty());
    assert!(is_told, "{check}");
    let is_good = check["finding"] == "good";
    assert_eq!(is_good, check["next_step"].is_null(), "{check}");
    check["finding"].as_str().expect("a word")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_weak_and_says_what_to_do() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.shield.allowed_networks.administration = Vec::new();
        config.shield.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let ada = room.admin("ada").await;
    let checks = found(&ada).await;
    // Rooms hash cheaply and have no limits.
    for (id, wanted) in [
        ("certificate", "advice"),
        ("passkeys", "advice"),
        ("hsts", "advice"),
        ("tls", "good"),
        ("proxies", "warning"),
        ("networks", "warning"),
        ("limits", "bad"),
        ("inspection", "good"),
        ("decoys", "good"),
        ("bans", "good"),
        ("lockouts", "good"),
        ("roles", "good"),
        ("hashing", "bad"),
        ("audit", "advice"),
        ("store", "good"),
        ("secrets", "good"),
        ("ages", "good"),
        ("keys", "good"),
    ] {
        assert_eq!(finding(&checks, id), wanted, "{id}: {checks:?}");
    }
    for id in ["disk", "clock", "account"] {
        finding(&checks, id);
    }
    // The page has a name for each.
    let page = room.signed_in("alma", "admin").await.look("/security").await;
    for check in &checks {
        let id = check["id"].as_str().expect("an id");
        assert!(!page.text().contains(&format!(">{id}<")), "{id}: {}", page.text());
    }
    // What is mended is found mended.
    let verified = ada.post("/api/audit/verify", serde_json::json!({})).await;
    assert_eq!(verified.json()["intact"], true);
    let key = room.state().join("keys/cluster.secret");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, open).expect("a key of ours");
    let checks = found(&ada).await;
    assert_eq!(finding(&checks, "audit"), "good");
    assert_eq!(finding(&checks, "secrets"), "bad");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_the_setting_for_a_proxy_that_nobody_declared() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    assert_eq!(finding(&found(&ada).await, "proxies"), "good");
    // It stands on this machine and passes somebody on.
    let passed_on = room.stranger().coming_from("198.51.100.7").get("/login").await;
    assert_eq!(passed_on.status, 200);
    let checks = found(&ada).await;
    assert_eq!(finding(&checks, "proxies"), "bad");
    let check = checks
        .iter()
        .find(|check| check["id"] == "proxies")
        .expect("a check");
    let (evidence, next_step) = (&check["evidence"], &check["next_step"]);
    assert!(evidence.to_string().contains("a proxy at 127.0.0.1 "), "{check}");
    assert_eq!(
        next_step,
        "shield.trusted_proxies = [\"127.0.0.1\"], if it is yours"
    );
    room.close().await;
}
