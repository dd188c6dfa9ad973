//! What reaches people by mail, through a real server: invitations, new passwords, and what happened to their accounts.

use serde_json::json;
use watchroom_kit::Ambient;
use watchroom_mail::config::Protection;
use watchroom_testkit::{Answer, PASSWORD, TestRoom, Visitor, program};
use watchroom_testkit_mail::{Letter, MailServer, Manner, USER};

const NEW: &str = "Quiet-Lantern9 hums";

async fn open(server: &MailServer) -> TestRoom {
    let (port, authority, password) = (server.port(), server.authority(), server.password_file());
    TestRoom::with(program!(), Ambient::system(), |config| {
        config.mail.server = Some("127.0.0.1".into());
        config.mail.port = Some(port);
        config.mail.protection = Protection::StartTls;
        config.mail.ca_file = authority;
        config.mail.user = Some(USER.into());
        config.mail.password_file = Some(password);
        config.mail.from = Some("watchroom@host.example".parse().expect("an address"));
    })
    .await
}

/// The page and the secret of the link in a letter.
fn link_in(letter: &Letter, room: &TestRoom) -> (String, String) {
    let link = letter
        .text
        .split_whitespace()
        .find(|word| word.starts_with("https://"))
        .unwrap_or_else(|| panic!("no link: {}", letter.text));
    let rest = link
        .strip_prefix(&format!("https://{}", room.address()))
        .unwrap_or_else(|| panic!("not to this room: {link}"));
    let (path, code) = rest.split_once("#code=").expect("a secret behind the hash");
    (path.to_owned(), code.to_owned())
}

async fn id_of(admin: &Visitor, name: &str) -> String {
    let users = admin.get("/api/users").await.json();
    let items = users["items"].as_array().expect("items");
    let user = items
        .iter()
        .find(|user| user["name"] == name)
        .expect("the person");
    user["id"].as_str().expect("an id").to_owned()
}

async fn make_account(visitor: &mut Visitor, code: &str, name: &str) -> Answer {
    let token = visitor.form_token("/invitation").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("code", code),
        ("username", name),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
    ];
    visitor.submit("/invitation", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_arrives_opens_once_and_leads_in() {
    let server = MailServer::start(Manner::StartTls);
    let room = open(&server).await;
    let ada = room.admin("ada").await;
    let draft = json!({ "role": "operator", "email": "bob@home.example" });
    let issued = ada.post("/api/users/invitations", draft).await;
    assert_eq!(issued.status, 201, "{}", issued.text());
    assert!(
        issued.json()["link"].is_null(),
        "it went by mail: {}",
        issued.text()
    );
    let listed = ada.get("/api/users/invitations").await.json();
    assert_eq!(listed["items"][0]["email"], "bob@home.example", "{listed}");
    let letter = server.until(1).remove(0);
    assert_eq!(letter.recipient, "bob@home.example");
    let (path, code) = link_in(&letter, &room);
    assert_eq!(path, "/invitation");
    assert!(!listed.to_string().contains(&code));

    let mut bob = room.stranger();
    let page = bob.look("/invitation").await;
    page.assert_dressed();
    let answer = make_account(&mut bob, &code, "bob").await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let again = make_account(&mut room.stranger(), &code, "mallory").await;
    assert_eq!(again.status, 410, "{}", again.text());
    let mut bob = room.stranger();
    bob.sign_in("bob", PASSWORD).await;
    let me = bob.get("/api/auth/me").await.json();
    assert!(me.to_string().contains("operator"), "{me}");
    let log = ada.get("/api/audit?limit=500").await.text();
    assert!(
        log.contains("user.accept_invitation") && !log.contains(&code),
        "{log}"
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_by_mail_ends_sessions_and_its_owner_is_told() {
    let server = MailServer::start(Manner::StartTls);
    let room = open(&server).await;
    let ada = room.admin("ada").await;
    let vera = room.signed_in("vera", "viewer").await;
    let id = id_of(&ada, "vera").await;
    let email = json!({ "email": "vera@home.example" });
    let set = ada.post(&format!("/api/users/{id}/email"), email).await.json();
    assert_eq!(set["is_to_confirm"], false);
    let asked = ada
        .post(&format!("/api/users/{id}/reset-link"), json!({ "mail": true }))
        .await;
    assert_eq!((asked.status, &asked.json()["link"]), (201, &json!(null)));
    let (path, code) = link_in(&server.until(1)[0], &room);
    assert_eq!(path, "/reset-password");
    let mut browser = room.stranger();
    let token = browser.form_token("/reset-password").await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("code", code.as_str()),
        ("new_password", NEW),
        ("confirm_password", NEW),
    ];
    let done = browser.submit("/reset-password", &fields).await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/login"),
        "{}",
        done.text()
    );
    assert_eq!(
        vera.get("/api/auth/me").await.status,
        401,
        "her sessions have ended"
    );
    assert_eq!(browser.submit("/reset-password", &fields).await.status, 410);
    let mut vera = room.stranger();
    vera.sign_in("vera", NEW).await;
    let letters = server.until(3);
    let subjects: Vec<bool> = [
        "Choose a new password",
        "Your password was changed",
        "A new browser signed in",
    ]
    .iter()
    .zip(&letters)
    .map(|(subject, letter)| letter.headers.contains(subject))
    .collect();
    assert_eq!(subjects, [true; 3], "{letters:?}");
    assert!(
        letters
            .iter()
            .all(|letter| letter.recipient == "vera@home.example")
    );
    assert!(letters[2].text.contains("by test room"), "{:?}", letters[2]);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_others_end_at_once_by_who_may() {
    let server = MailServer::start(Manner::StartTls);
    let room = open(&server).await;
    let ada = room.admin("ada").await;
    let victor = room.viewer("victor").await;
    let vera = room.signed_in("vera", "viewer").await;
    let id = id_of(&ada, "vera").await;
    let path = format!("/api/users/{id}/sessions");
    victor.get(&path).await.problem(404, "not-found");
    assert_eq!(victor.delete(&path).await.status, 404);
    let sessions = ada.get(&path).await.json();
    let session = sessions["items"][0]["id"].as_str().expect("a session").to_owned();
    assert_eq!(ada.delete(&format!("{path}/{session}")).await.status, 204);
    assert_eq!(vera.get("/api/auth/me").await.status, 401);
    assert_eq!(ada.delete(&format!("{path}/{session}")).await.status, 404);
    let mut again = room.stranger();
    again.sign_in("vera", PASSWORD).await;
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(again.get("/api/auth/me").await.status, 401);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_taken_and_a_server_that_is_away_is_found() {
    let mut server = MailServer::start(Manner::StartTls);
    let room = open(&server).await;
    let ada = room.admin("ada").await;
    let to = json!({ "to": "ada@home.example" });
    assert_eq!(ada.post("/api/settings/mail/test", to.clone()).await.status, 204);
    assert_eq!(server.until(1)[0].recipient, "ada@home.example");
    server.stop();
    let refused = ada.post("/api/settings/mail/test", to).await;
    refused.problem(503, "mail-not-taken");
    let draft = json!({ "role": "viewer", "email": "bob@home.example" });
    assert_eq!(ada.post("/api/users/invitations", draft).await.status, 201);
    loop {
        let shown = ada.get("/api/settings/mail").await.json();
        if !shown["trouble"].is_null() {
            assert_eq!(shown["waiting"], 1, "{shown}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let checks = ada.get("/api/security/doctor").await.json();
    let items = checks["items"].as_array().expect("items");
    let mail = items
        .iter()
        .find(|check| check["id"] == "mail")
        .expect("the item");
    assert_eq!(mail["finding"], "bad", "{mail}");
    room.close().await;
}
