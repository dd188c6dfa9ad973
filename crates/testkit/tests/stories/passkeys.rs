//! Passkeys as browsers meet them: forms, challenges and cookies, over the whole house.

use futures_util::future::join_all;
use serde_json::json;
use watchroom_kit::Ambient;
use watchroom_testkit::{Answer, PASSWORD, TestRoom, Visitor, program};
use watchroom_testkit_passkey::{Asked, Authenticator, Kind, PRESENT, written};

/// Asks for a challenge as the script does; the token of the page, and what the answer says.
async fn asked(visitor: &mut Visitor, page: &str, path: &str) -> (String, serde_json::Value) {
    let token = visitor.form_token(page).await;
    let answer = visitor.submit(path, &[("csrf_token", &token)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (token, answer.json())
}

fn here<'a>(challenge: &'a str, origin: &'a str) -> Asked<'a> {
    Asked {
        challenge,
        origin,
        rp_id: "localhost",
    }
}

fn origin(room: &TestRoom) -> String {
    format!("https://localhost:{}", room.address().port())
}

async fn add(room: &TestRoom, visitor: &mut Visitor, device: &mut Authenticator) -> Answer {
    let (token, said) = asked(visitor, "/mfa/setup", "/mfa/passkey/options").await;
    let challenge = said["challenge"].as_str().expect("a challenge");
    let handle = said["user"]["id"].as_str().expect("a person");
    let handle = data_encoding::BASE64URL_NOPAD
        .decode(handle.as_bytes())
        .expect("bytes");
    let made = device.create(here(challenge, &origin(room)), &handle);
    let fields = [
        ("csrf_token", token.as_str()),
        ("challenge", challenge),
        ("client_data", &written(&made.client_data)),
        ("attestation", &written(&made.attestation)),
        ("name", "laptop"),
    ];
    let answer = visitor.submit("/mfa/passkey", &fields).await;
    visitor.take_cookies(&answer);
    answer
}

/// What the sign-in page sends, with a challenge of its own.
async fn brought(
    room: &TestRoom,
    visitor: &mut Visitor,
    device: &mut Authenticator,
) -> Vec<(&'static str, String)> {
    let (token, said) = asked(visitor, "/login", "/login/passkey/options").await;
    let challenge = said["challenge"].as_str().expect("a challenge");
    let proof = device.prove(here(challenge, &origin(room)));
    vec![
        ("csrf_token", token),
        ("challenge", challenge.to_owned()),
        ("id", written(&proof.id)),
        ("client_data", written(&proof.client_data)),
        ("authenticator_data", written(&proof.authenticator_data)),
        ("signature", written(&proof.signature)),
        ("user_handle", written(&proof.user_handle)),
    ]
}

async fn enter(visitor: &Visitor, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    visitor.submit("/login/passkey/verify", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_enrols_a_passkey_and_needs_nothing_else_from_then_on() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.identity.second_factors.required_roles = vec!["admin".into()];
    })
    .await;
    room.account("ada", "admin").await;
    let mut ada = room.stranger();
    ada.try_sign_in("ada", PASSWORD).await;
    let mut device = Authenticator::new(Kind::Es256);
    let page = add(&room, &mut ada, &mut device).await;
    page.assert_dressed();
    assert!(
        page.status == 200 && page.text().contains("Recovery codes"),
        "{}",
        page.text()
    );
    let factors = ada.get("/api/auth/factors").await.json();
    assert_eq!(factors["factors"][0]["kind"], "passkey");
    assert_eq!(factors["factors"][0]["host"], "localhost");

    let mut again = room.stranger();
    let fields = brought(&room, &mut again, &mut device).await;
    let answer = enter(&again, &fields).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/"),
        "{}",
        answer.text()
    );
    again.take_cookies(&answer);
    assert_eq!(again.get("/api/users").await.status, 200);
    let log = again.get("/api/audit?action=session.sign_in").await.json();
    assert_eq!(log["items"][0]["extra"]["method"], json!("passkey"), "{log}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_bring_one_answer_at_once_one_comes_in() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.identity.lockout.failures = 1_000;
        config.identity.lockout.everywhere_failures = 1_000;
    })
    .await;
    let mut vera = room.signed_in("vera", "viewer").await;
    let mut device = Authenticator::new(Kind::EdDsa);
    add(&room, &mut vera, &mut device).await;
    let mut door = room.stranger();
    let fields = brought(&room, &mut door, &mut device).await;
    let answers = join_all((0..100).map(|_| enter(&door, &fields))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(303), count(401)), (1, 99));
    let root = room.admin("root-like").await;
    let log = root.get("/api/audit?action=factor.suspect_clone").await.json();
    assert_eq!(log["items"], json!([]), "a replay is no second key");

    device.counter = Some(0);
    let mut door = room.stranger();
    let fields = brought(&room, &mut door, &mut device).await;
    assert_eq!(enter(&door, &fields).await.status, 401);
    let log = root.get("/api/audit?action=factor.suspect_clone").await.json();
    assert_eq!(log["items"][0]["event_type"], "SECURITY", "{log}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_challenge_learns_nothing_and_an_answer_serves_one_browser() {
    let room = TestRoom::open(program!()).await;
    let mut vera = room.signed_in("vera", "viewer").await;
    let mut before = room.stranger();
    let (_, nobody) = asked(&mut before, "/login", "/login/passkey/options").await;
    let mut device = Authenticator::new(Kind::EdDsa);
    add(&room, &mut vera, &mut device).await;
    let mut after = room.stranger();
    let (_, somebody) = asked(&mut after, "/login", "/login/passkey/options").await;
    let shape = |mut said: serde_json::Value| {
        let challenge = said["challenge"].take();
        (said, challenge.as_str().map(str::len))
    };
    assert_eq!(shape(nobody), shape(somebody.clone()));
    assert_eq!(somebody["allowCredentials"], json!([]));

    let fields = brought(&room, &mut before, &mut device).await;
    let mut stolen = fields.clone();
    stolen[0].1 = after.form_token("/login").await;
    let answer = enter(&after, &stolen).await;
    answer.assert_dressed();
    assert!(
        answer.status == 409 && answer.text().contains("took too long"),
        "{}",
        answer.text()
    );
    let answer = room.stranger().submit("/login/passkey/options", &[]).await;
    assert_eq!(answer.status, 403, "without a form of ours");
    // Without its person it is no way in alone, and does after a password.
    device.flags = PRESENT;
    let fields = brought(&room, &mut before, &mut device).await;
    assert_eq!(enter(&before, &fields).await.status, 401);
    let mut half = room.stranger();
    half.try_sign_in("vera", PASSWORD).await;
    let (token, said) = asked(&mut half, "/login/mfa", "/login/mfa/passkey/options").await;
    let challenge = said["challenge"].as_str().expect("a challenge").to_owned();
    let proof = device.prove(here(&challenge, &origin(&room)));
    let fields = [
        ("csrf_token", token.as_str()),
        ("challenge", &challenge),
        ("id", &written(&proof.id)),
        ("client_data", &written(&proof.client_data)),
        ("authenticator_data", &written(&proof.authenticator_data)),
        ("signature", &written(&proof.signature)),
    ];
    assert_eq!(half.submit("/login/mfa/passkey", &fields).await.status, 303);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_the_page_has_no_button_for_passkeys_and_neither_route_takes_one() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.identity.methods.passkey = false;
    })
    .await;
    let mut vera = room.signed_in("vera", "viewer").await;
    let mut device = Authenticator::new(Kind::Es256);
    assert_eq!(add(&room, &mut vera, &mut device).await.status, 200);
    let mut door = room.stranger();
    let token = door.form_token("/login").await;
    let page = door.get("/login").await;
    page.assert_dressed();
    assert!(!page.text().contains("passkey"), "{}", page.text());
    for path in ["/login/passkey/options", "/login/passkey/verify"] {
        let refused = door.submit(path, &[("csrf_token", &token)]).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        assert!(
            refused.text().contains("signs in with a passkey alone here"),
            "{path}: {}",
            refused.text()
        );
    }
    // Where a password was said before, it is asked for as ever.
    let mut half = room.stranger();
    half.try_sign_in("vera", PASSWORD).await;
    let (_, said) = asked(&mut half, "/login/mfa", "/login/mfa/passkey/options").await;
    assert_eq!(said["rpId"], "localhost");
    room.close().await;
}
