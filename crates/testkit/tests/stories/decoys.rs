//! What the edge does of itself, on the page *Security*: decoys that are made, touched and removed there, and the certificate.

use std::time::Duration;

use serde_json::{Value, json};
use watchroom_kit::Ambient;
use watchroom_testkit::{TestRoom, Visitor, program};
use watchroom_trust::CertificateReport;

use super::bans::proxied;

/// Where administrators sit.
const DESK: &str = "10.9.8.7";
/// Where strangers are.
const FAR: &str = "198.51.100.7";
/// How long a touch may take to be written down on a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn open() -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), proxied).await
}

/// The text of the decoy that an answer shows.
fn shown(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("data-copy><code>wr_pat_")?;
    Some(format!("wr_pat_{}", rest.split('<').next()?))
}

/// The card of this name: from its heading to the end of its section.
fn card<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!(
            "<section class=\"card flush\" aria-labelledby=\"{name}\">"
        ))
        .or_else(|| page.split_once(&format!("<section class=\"card\" aria-labelledby=\"{name}\">")))
        .unwrap_or_else(|| panic!("no card {name}: {page}"));
    rest.split("</section>").next().expect("an end")
}

async fn decoys(admin: &Visitor) -> Vec<Value> {
    let list = admin.get("/api/security/decoys").await.json();
    list["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoy_made_on_the_page_is_shown_once_tells_who_touched_it_and_is_removed_by_a_form() {
    let room = open().await;
    let mut ada = room.signed_in("ada", "admin").await.coming_from(DESK);
    let token = ada.form_token("/security").await;
    // As a browser without scripts, which has the form's token alone.
    ada.set_csrf(None);
    let make = async |name: &str| {
        let fields = [("csrf_token", token.as_str()), ("name", name)];
        ada.submit("/security/decoys", &fields).await
    };
    let made = make(" old-backup ").await;
    assert_eq!(made.status, 200, "{}", made.text());
    let secret = shown(&made.text()).expect("its text");
    let page = ada.look("/security").await.text();
    assert!(
        !page.contains(&secret) && shown(&page).is_none(),
        "it is shown once: {page}"
    );
    let of_decoys = card(&page, "decoys");
    for told in ["/wp-login.php", "old-backup", ">ada<", ">never<"] {
        assert!(of_decoys.contains(told), "{told}: {of_decoys}");
    }
    let log = ada.get("/api/audit?action=decoy.create").await;
    assert_eq!(log.json()["items"].as_array().map(Vec::len), Some(1));
    assert!(!log.text().contains(&secret), "nor is it in the log");

    let thief = Visitor::with_token(room.client(), &secret).coming_from(FAR);
    assert_eq!(thief.get("/api/nodes").await.status, 401);
    let deadline = tokio::time::Instant::now() + SOON;
    let page = loop {
        let page = ada.look("/security").await.text();
        if card(&page, "decoys").contains(&format!("from <code>{FAR}</code>")) {
            break page;
        }
        assert!(tokio::time::Instant::now() < deadline, "{page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let listed = decoys(&ada).await;
    assert_eq!(listed[0]["touched_from"], FAR, "{listed:?}");
    let path = format!(
        "/security/decoys/{}/remove",
        listed[0]["id"].as_str().expect("an id")
    );
    assert!(page.contains(&format!("action=\"{path}\"")), "{page}");

    let fields = [("csrf_token", token.as_str())];
    let removed = ada.submit(&path, &fields).await;
    assert_eq!((removed.status, removed.header("location")), (303, "/security"));
    assert_eq!(decoys(&ada).await, [] as [Value; 0]);
    assert_eq!(ada.submit(&path, &fields).await.status, 404);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_decoy_stands_at_its_field_and_a_form_of_others_makes_none() {
    let room = open().await;
    let mut ada = room.signed_in("ada", "admin").await.coming_from(DESK);
    let token = ada.form_token("/security").await;
    // As a browser without scripts, which has the form's token alone.
    ada.set_csrf(None);
    let make = async |name: &str, token: &str| {
        let fields = [("csrf_token", token), ("name", name)];
        ada.submit("/security/decoys", &fields).await
    };
    assert_eq!(make("old-backup", &token).await.status, 200);
    for (name, wrong) in [
        ("no spaces", "a token name has 1 to 64"),
        ("", "a token name has 1 to 64"),
        ("old-backup", "there is a decoy of that name already"),
    ] {
        let answer = make(name, &token).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        let page = answer.text();
        let form = card(&page, "decoys");
        for told in [wrong, "aria-invalid=\"true\"", &format!("value=\"{name}\"")] {
            assert!(form.contains(told), "{told}: {form}");
        }
        assert_eq!(shown(&page), None);
    }
    assert_eq!(make("other", "not-ours").await.status, 403);
    assert_eq!(decoys(&ada).await.len(), 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_manages_no_tokens_sees_the_paths_alone_and_makes_and_removes_no_decoy() {
    let room = open().await;
    let ada = room.signed_in("ada", "admin").await.coming_from(DESK);
    let made = ada
        .post("/api/security/decoys", json!({ "name": "old-backup" }))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    for role in ["viewer", "operator"] {
        let name = format!("of-{role}");
        let visitor = room.signed_in(&name, role).await.coming_from(DESK);
        let page = visitor.look("/security").await.text();
        let of_decoys = card(&page, "decoys");
        assert!(of_decoys.contains("/wp-login.php"), "{of_decoys}");
        for hidden in ["old-backup", "<form", "/security/decoys"] {
            assert!(!of_decoys.contains(hidden), "{role} sees {hidden}: {of_decoys}");
        }
        assert!(
            !page.contains("aria-labelledby=\"certificate\""),
            "{role}: {page}"
        );
        let token = visitor.csrf().expect("a token").to_owned();
        let fields = [("csrf_token", token.as_str()), ("name", "another")];
        assert_eq!(visitor.submit("/security/decoys", &fields).await.status, 403);
        let remove = format!("/security/decoys/{id}/remove");
        assert_eq!(visitor.submit(&remove, &fields).await.status, 403);
    }
    // Without the page nobody could be shown the text, so none is made.
    let role = json!({ "name": "layer", "role": { "permissions": ["tokens:manage"] } });
    let alma = room.admin("alma").await.coming_from(DESK);
    assert_eq!(alma.post("/api/roles", role).await.status, 201);
    let layer = room.signed_in("lara", "layer").await.coming_from(DESK);
    let fields = [("name", "another")];
    assert_eq!(layer.submit("/security/decoys", &fields).await.status, 403);
    assert_eq!(decoys(&ada).await.len(), 1);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_from_what_people_lock_to_what_the_edge_keeps_out_and_back() {
    let room = open().await;
    let ada = room.signed_in("ada", "admin").await.coming_from(DESK);
    let to_locks = "class=\"button\" href=\"/access/locks\"";
    for page in ["/access/locks", "/access/people"] {
        let page = ada.look(page).await.text();
        assert!(
            page.contains("class=\"button\" href=\"/security\">Bans and lockouts"),
            "{page}"
        );
    }
    assert!(ada.look("/security").await.text().contains(to_locks));
    // Nobody is led to where they may not go.
    let vera = room.signed_in("vera", "viewer").await.coming_from(DESK);
    let page = vera.look("/security").await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains(to_locks), "{}", page.text());
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_certificate_that_browsers_meet_and_what_is_wrong_with_its_file() {
    let room = open().await;
    let ada = room.signed_in("ada", "admin").await.coming_from(DESK);
    let ssl = room.state().join("ssl");
    let (certificate, key) = (ssl.join("server.crt"), ssl.join("server.key"));
    let report =
        CertificateReport::read(&certificate, &key, None, room.host.ambient().now()).expect("a report");
    let page = ada.look("/security").await.text();
    let shown = card(&page, "certificate");
    for told in [
        report.fingerprint_sha256.to_string().as_str(),
        report.names.join(", ").as_str(),
        report.issuer.as_str(),
        "this Watchroom&#39;s own authority",
        "days left",
        ">advice<",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    // What was put in its place by mistake is not served, and not shown as if it were.
    std::fs::write(&certificate, "no certificate").expect("a file of ours");
    let page = ada.look("/security").await.text();
    let shown = card(&page, "certificate");
    let fingerprint = report.fingerprint_sha256.to_string();
    for told in [fingerprint.as_str(), "browsers still meet this one", ">bad<"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(!shown.contains("days left"), "{shown}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_a_decoy_leaves_an_entry_even_if_it_bans_nobody() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        proxied(config);
        config.bans.decoys = false;
    })
    .await;
    let ada = room.admin("ada").await.coming_from(DESK);
    let scanner = room.stranger().coming_from(FAR);
    scanner.get("/.env").await.problem(404, "not-found");
    let deadline = tokio::time::Instant::now() + SOON;
    let touch = loop {
        let log = ada.get("/api/audit?action=shield.refused").await.json();
        let entries = log["items"].as_array().expect("entries");
        if let Some(touch) = entries.iter().find(|entry| entry["extra"]["why"] == "decoy") {
            break touch.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&touch["extra"]["from"], &touch["extra"]["path"]),
        (&json!(FAR), &json!("/.env"))
    );
    assert_eq!(touch["event_type"], "SUSPICIOUS", "{touch}");
    assert_eq!(scanner.get("/login").await.status, 200);
    room.close().await;
}
