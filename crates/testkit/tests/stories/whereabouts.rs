//! A machine that is given another address while its panel runs.

use std::time::Duration;

use http::Method;
use http::header::HOST;
use serde_json::json;
use time::macros::datetime;
use watchroom_kit::{Ambient, Clock};
use watchroom_testkit::{TestRoom, program};
use watchroom_trust::{CertificateReport, LocalNames};

const ADDRESS: &str = "203.0.113.9";
/// How long an address counts that is gone.
const A_WHILE: Duration = Duration::from_secs(60 * 60);
/// How long the certificate may take to follow on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn covers_address(room: &TestRoom) -> bool {
    let ssl = room.state().join("ssl");
    let now = room.host.ambient().clock.now();
    let report = CertificateReport::read(&ssl.join("server.crt"), &ssl.join("server.key"), None, now);
    let covered = report.expect("a certificate").names;
    covered.contains(&ADDRESS.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_goes_by_the_addresses_that_its_machine_has_now() {
    let ambient = Ambient {
        clock: Clock::manual(datetime!(2026-03-01 12:00 UTC)),
        ..Ambient::system()
    };
    let room = TestRoom::with(program!(), ambient, |_| {}).await;
    let ada = room.admin("ada").await;
    let asked_at = async |host: &str| {
        let mut request = ada
            .request(Method::GET, "/api/nodes")
            .body(axum::body::Body::empty())
            .expect("a request");
        request.headers_mut().insert(HOST, host.parse().expect("a name"));
        ada.send(request).await.status
    };
    let fingerprint = room.host.certificate.fingerprint();
    assert_eq!(asked_at(ADDRESS).await, 421);
    assert!(!covers_address(&room));

    let before = LocalNames::of_this_machine().expect("interfaces");
    let mut now = before.clone();
    now.add_host(ADDRESS);
    room.host.moved_to(now);
    assert_eq!(asked_at(ADDRESS).await, 200);
    let ban = json!({ "network": ADDRESS, "kind": "attack", "reason": "a slip" });
    let ban = ada.post("/api/security/bans", ban).await.json();
    assert_eq!(ban["status"], "held", "{ban}");
    assert!(
        ban["held_because"]
            .as_str()
            .is_some_and(|whom| whom.contains("this machine")),
        "{ban}"
    );
    let deadline = tokio::time::Instant::now() + SOON;
    while !covers_address(&room) || room.host.certificate.fingerprint() == fingerprint {
        assert!(tokio::time::Instant::now() < deadline, "it is not served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    room.host.moved_to(before.clone());
    assert_eq!(
        asked_at(ADDRESS).await,
        200,
        "its network may be away for a while"
    );
    room.host.ambient().clock.advance(A_WHILE);
    room.host.moved_to(before);
    assert_eq!(asked_at(ADDRESS).await, 421, "it is somebody else's now");
}
