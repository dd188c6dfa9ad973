//! Client certificates of people: wanted for the kinds of routes that are named, judged by the file as it is, and by nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use time::OffsetDateTime;
use watchroom_kit::Ambient;
use watchroom_shield::RouteClass;
use watchroom_testkit::{Answer, Client, Machine, PASSWORD, TestRoom, Visitor, program};
use watchroom_testkit_folder::Folder;

/// How long a changed file may take to be noticed on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// An authority of a crew.
struct Crew {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What somebody carries: a certificate and its key.
type Card = (CertificateDer<'static>, Vec<u8>);

fn now() -> OffsetDateTime {
    Ambient::system().now()
}

fn days(count: i64) -> time::Duration {
    time::Duration::days(count)
}

impl Crew {
    /// An authority that holds for so many days yet; none if it is over.
    fn called(name: &str, left: i64) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = now() - days(90);
        params.not_after = now() + days(left);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A card that holds from so many days on, for thirty.
    fn card(&self, from: i64, purpose: ExtendedKeyUsagePurpose) -> Card {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "somebody");
        params.extended_key_usages = vec![purpose];
        params.not_before = now() + days(from);
        params.not_after = now() + days(from + 30);
        let card = params.signed_by(&key, &self.issuer).expect("a certificate");
        (card.der().clone(), key.serialize_der())
    }

    fn good_card(&self) -> Card {
        self.card(-1, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A room that wants certificates by the file at this path.
async fn room(file: &Path) -> TestRoom {
    TestRoom::with(program!(), Ambient::system(), |config| {
        config.tls.client_ca = Some(file.to_owned());
        config.tls.required_for = vec![RouteClass::Administration, RouteClass::SignIn, RouteClass::Page];
    })
    .await
}

/// Somebody's way to the room, with this card or none.
fn client(room: &TestRoom, card: Option<&Card>) -> Client {
    let mut roots = RootCertStore::empty();
    roots
        .add(room.host.certificate.authority().clone())
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots);
    let config = match card {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
            config
                .with_client_auth_cert(vec![certificate.clone()], key)
                .expect("a card")
        }
    };
    Client::new(room.address(), config)
}

/// An administrator's program with this card or none.
async fn ada(room: &TestRoom, token: &str, card: Option<&Card>) -> Visitor {
    Visitor::with_token(client(room, card), token)
}

fn person(name: &str) -> Value {
    json!({ "name": name, "role": "viewer", "password": PASSWORD })
}

fn refused(answer: &Answer, words: &str) {
    let problem = answer.problem(403, "client-certificate-wanted");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains(words), "{words}: {detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_certificate_opens_what_is_named_and_the_answer_says_what_is_missing() {
    let folder = Folder::new();
    let (file, crew, others) = (
        folder.path().join("crew.pem"),
        Crew::called("crew", 365),
        Crew::called("crew", 365),
    );
    let over = Crew::called("old crew", -1);
    std::fs::write(&file, format!("{}{}", crew.pem, over.pem)).expect("a file");
    let room = room(&file).await;
    let owner = room.account("ada", "admin").await;
    let token = room.token(owner, true).await;
    let for_client = ExtendedKeyUsagePurpose::ClientAuth;
    let cards = [
        (None, "none was shown"),
        (Some(others.good_card()), "another authority"),
        (Some(crew.card(-40, for_client.clone())), "expired"),
        (Some(crew.card(10, for_client.clone())), "not valid yet"),
        (
            Some(crew.card(-1, ExtendedKeyUsagePurpose::ServerAuth)),
            "not made for clients",
        ),
        (Some(over.good_card()), "authority that signed it, has expired"),
    ];
    for (number, (card, words)) in cards.iter().enumerate() {
        let ada = ada(&room, &token, card.as_ref()).await;
        refused(
            &ada.post("/api/users", person(&format!("w{number}"))).await,
            words,
        );
        let page = ada.look("/login").await;
        assert_eq!(page.status, 403, "{words}");
        assert!(
            page.header("content-type").starts_with("text/html") && page.text().contains(words),
            "{words}: {}",
            page.text()
        );
        page.assert_dressed();
        // Kinds that are not named want none, whatever is shown.
        assert_eq!(ada.get("/api/servers").await.status, 200, "{words}");
        assert_eq!(ada.get("/health").await.status, 200, "{words}");
    }
    let card = crew.good_card();
    let right = ada(&room, &token, Some(&card)).await;
    let made = right.post("/api/users", person("vera")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let mut vera = Visitor::stranger(client(&room, Some(&card)));
    vera.sign_in("vera", PASSWORD).await;
    assert_eq!(vera.look("/").await.status, 200);
    // A certificate is nobody's name: who asks is known by the rest, as before.
    let nobody = Visitor::stranger(client(&room, Some(&card)));
    nobody
        .post("/api/users", person("walt"))
        .await
        .problem(401, "not-signed-in");
    let log = right
        .get("/api/audit?event_type=SUSPICIOUS&limit=100")
        .await
        .text();
    assert!(log.contains("client-certificate-wanted"), "{log}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_machines_that_join_are_asked_for_nothing_new() {
    let folder = Folder::new();
    let file = folder.path().join("crew.pem");
    std::fs::write(&file, Crew::called("crew", 365).pem).expect("a file");
    // The room's own node has its link, or it would not open.
    let room = room(&file).await;
    let machine = Machine::new("far");
    let asked = machine.request(&room.stranger(), None).await;
    assert_eq!(asked.status, 201, "{}", asked.text());
    let owner = room.account("ada", "admin").await;
    let token = room.token(owner, true).await;
    let ada = ada(&room, &token, None).await;
    let (nodes, list) = (
        ada.get("/api/nodes").await.json(),
        ada.get("/api/cluster/requests").await.json(),
    );
    assert_eq!(nodes["items"][0]["status"], "online", "{nodes}");
    assert_eq!(list["items"][0]["name"], "far", "{list}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_counts_at_once_and_ends_no_connection_and_one_that_is_bad_changes_nothing() {
    let folder = Folder::new();
    let (file, before, after) = (
        folder.path().join("crew.pem"),
        Crew::called("before", 365),
        Crew::called("after", 365),
    );
    std::fs::write(&file, &before.pem).expect("a file");
    let room = room(&file).await;
    let owner = room.account("ada", "admin").await;
    let token = room.token(owner, true).await;
    let (old_card, new_card) = (before.good_card(), after.good_card());
    let old = ada(&room, &token, Some(&old_card)).await;
    assert_eq!(old.look("/login").await.status, 200);
    // An answer that has no end shows whether the connection under it lives.
    let stream = old
        .request(Method::GET, "/api/stream")
        .body(axum::body::Body::empty())
        .expect("a request");
    let mut open = client(&room, Some(&old_card)).open(stream).await.into_body();
    let doctor = async || {
        let checks = old.get("/api/security/doctor").await.json();
        let items = checks["items"].as_array().expect("items").iter();
        items
            .clone()
            .find(|check| check["id"] == "client-ca")
            .expect("the check")
            .clone()
    };
    assert_eq!(doctor().await["finding"], "good");

    std::fs::write(&file, "no authority at all").expect("a file");
    let deadline = tokio::time::Instant::now() + SOON;
    while doctor().await["finding"] != "bad" {
        assert!(tokio::time::Instant::now() < deadline, "{}", doctor().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        old.look("/login").await.status,
        200,
        "the authorities before stay in force"
    );

    std::fs::write(&file, &after.pem).expect("a file");
    let deadline = tokio::time::Instant::now() + SOON;
    while old.get("/login").await.status == 200 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the old authority still counts"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    refused(&old.get("/login").await, "another authority");
    let new = ada(&room, &token, Some(&new_card)).await;
    assert_eq!(new.look("/login").await.status, 200);
    assert_eq!(doctor().await["finding"], "good");
    let frame = http_body_util::BodyExt::frame(&mut open);
    let frame = tokio::time::timeout(SOON, frame)
        .await
        .expect("it is told something in time");
    frame.expect("the stream goes on").expect("the connection lives");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_that_can_be_read_nobody_gets_in_and_the_machine_itself_still_does() {
    let folder = Folder::new();
    let file = folder.path().join("missing.pem");
    let room = room(&file).await;
    let owner = room.account("ada", "admin").await;
    let token = room.token(owner, true).await;
    let card = Crew::called("crew", 365).good_card();
    let ada = ada(&room, &token, Some(&card)).await;
    refused(
        &ada.post("/api/users", person("vera")).await,
        "none can be checked here now",
    );
    assert_eq!(ada.get("/api/servers").await.status, 200);
    // Others could put an authority of their own into it.
    use std::os::unix::fs::PermissionsExt;
    let crew = Crew::called("crew", 365);
    std::fs::write(&file, &crew.pem).expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("a file of ours");
    let checks = async || ada.get("/api/security/doctor").await.text();
    let deadline = tokio::time::Instant::now() + SOON;
    while !checks().await.contains("chmod go-w") {
        assert!(tokio::time::Instant::now() < deadline, "{}", checks().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let right = crew.good_card();
    let right = Visitor::with_token(client(&room, Some(&right)), &token);
    refused(
        &right.post("/api/users", person("vera")).await,
        "none can be checked here now",
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_lends_its_certificate_to_nobody() {
    let folder = Folder::new();
    let (file, crew) = (folder.path().join("crew.pem"), Crew::called("crew", 365));
    std::fs::write(&file, &crew.pem).expect("a file");
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        super::bans::proxied(config);
        config.tls.client_ca = Some(file.clone());
        config.tls.required_for = vec![RouteClass::Page];
    })
    .await;
    let card = crew.good_card();
    let behind = Visitor::stranger(client(&room, Some(&card))).coming_from("10.1.2.3");
    refused(&behind.get("/login").await, "a proxy in between");
    room.close().await;
}
