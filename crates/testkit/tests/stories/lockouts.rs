//! Locked for everybody: who still gets in, who sees it, and who lifts it.

use serde_json::Value;
use watchroom_kit::Ambient;
use watchroom_testkit::{PASSWORD, TestRoom, Visitor, program};

use super::bans::proxied;

async fn open() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), |config| {
        proxied(config);
        // These stories are about lockouts: nobody is banned meanwhile.
        config.bans.names = 0;
        config.bans.lockouts = 0;
    })
    .await
}

/// Fails from one network after the other.
async fn guess(room: &TestRoom, name: &str, times: u8) {
    for n in 0..times {
        let mut thief = room.stranger().coming_from(&format!("198.51.{n}.9"));
        let refused = thief.try_sign_in(name, "Guess 12345!").await;
        assert_eq!(refused.status, 401, "{n}");
    }
}

async fn listed(admin: &Visitor) -> Vec<Value> {
    let list = admin.get("/api/lockouts").await.json();
    list["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_opens_for_browsers_that_were_there_before_and_for_all_once_lifted() {
    let room = open().await;
    let ada = room.admin("ada").await.coming_from("10.9.8.7");
    let mut vera = room.signed_in("vera", "viewer").await.coming_from("192.0.2.9");
    let shown = vera.cookies();
    assert!(shown.contains("__Host-watchroom_device="), "{shown}");
    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    vera.set_csrf(None);
    guess(&room, "vera", 10).await;

    let mut stranger = room.stranger().coming_from("203.0.113.9");
    let locked = stranger.try_sign_in("vera", PASSWORD).await;
    assert_eq!(locked.status, 423, "{}", locked.text());
    vera.sign_in("vera", PASSWORD).await;
    // The cookie by itself opens nothing, and is nothing to others.
    let mut by_cookie = room.stranger().coming_from("203.0.113.9");
    by_cookie.share_cookies(&vera);
    assert_eq!(vera.submit("/logout", &[]).await.status, 303);
    assert_eq!(by_cookie.get("/api/auth/me").await.status, 401);

    let items = listed(&ada).await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["name"], "vera");
    assert_eq!(items[0]["scope"], "everywhere");
    assert_eq!(items[0]["failures"], 10);
    let path = format!("/api/lockouts/{}", items[0]["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path).await.status, 404);
    assert!(listed(&ada).await.is_empty());
    let open = stranger.try_sign_in("vera", PASSWORD).await;
    assert_eq!(open.status, 303, "{}", open.text());
    let lifted = ada.get("/api/audit?action=lockout.lift").await.json();
    assert_eq!(lifted["items"][0]["event_type"], "SECURITY", "{lifted}");
    assert_eq!(lifted["items"][0]["extra"]["scope"], "everywhere", "{lifted}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_a_lockout_who_exists() {
    let room = open().await;
    room.account("vera", "viewer").await;
    let answers = async |name: &str, net: &str| {
        let mut told = Vec::new();
        for n in 0..12 {
            let mut thief = room.stranger().coming_from(&format!("{net}.{n}.9"));
            let token = thief.form_token("/login").await;
            let fields = [
                ("csrf_token", token.as_str()),
                ("username", name),
                ("password", "Guess 12345!"),
            ];
            let form = serde_urlencoded::to_string(fields).expect("a form");
            let request = thief
                .request(http::Method::POST, "/login")
                .header("content-type", "application/x-www-form-urlencoded");
            let answer = thief.send(request.body(form.into()).expect("a request")).await;
            let mut json = answer.json();
            for member in ["request_id", "locked_until"] {
                json.as_object_mut().expect("a problem").remove(member);
            }
            told.push((answer.status, json));
        }
        told
    };
    let (known, unknown) = (answers("vera", "198.51").await, answers("verena", "198.18").await);
    assert_eq!(known, unknown);
    let statuses: Vec<u16> = known.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [[401; 10].as_slice(), &[423, 423]].concat());
    room.close().await;
}
