//! A machine that is given another name or address while its panel runs.

use std::time::Duration;

use http::Method;
use http::header::HOST;
use serde_json::json;
use watchroom_testkit::{TestRoom, program};
use watchroom_trust::{CertificateReport, LocalNames};

const NAME: &str = "moved.example";
const ADDRESS: &str = "203.0.113.9";
/// How long the certificate may take to follow on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// What the certificate of the panel covers.
fn covered(room: &TestRoom) -> Vec<String> {
    let ssl = room.state().join("ssl");
    let now = room.host.ambient().clock.now();
    let report = CertificateReport::read(&ssl.join("server.crt"), &ssl.join("server.key"), now);
    report.expect("a certificate").names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_goes_by_the_names_that_its_machine_has_now() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let asked_at = async |host: &str| {
        let mut request = ada
            .request(Method::GET, "/api/nodes")
            .body(axum::body::Body::empty())
            .expect("a request");
        request.headers_mut().insert(HOST, host.parse().expect("a name"));
        ada.send(request).await.status
    };
    for host in [NAME, ADDRESS] {
        assert_eq!(asked_at(host).await, 421, "{host}");
        assert!(!covered(&room).contains(&host.to_owned()), "{host}");
    }

    let before = LocalNames::of_this_machine().expect("interfaces");
    let mut now = before.clone();
    now.add_host(NAME);
    now.add_host(ADDRESS);
    room.host.moved_to(now);
    for host in [NAME, ADDRESS, "localhost"] {
        assert_eq!(asked_at(host).await, 200, "{host}");
    }
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
    while ![NAME, ADDRESS]
        .iter()
        .all(|name| covered(&room).contains(&(*name).to_owned()))
    {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", covered(&room));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    room.host.moved_to(before);
    for host in [NAME, ADDRESS] {
        assert_eq!(asked_at(host).await, 421, "{host} is somebody else's now");
    }
}
