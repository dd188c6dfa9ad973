//! A long answer goes to nobody whose right to it was taken meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::future::try_join_all;
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use watchroom_records::Suspicion;
use watchroom_testkit::{TestRoom, Visitor, program};

/// Entries of so many bytes, together more than waits on a connection whose other end does not read.
const ENTRIES: usize = 1_200;
const ENTRY_BYTES: usize = 4_000;
/// It is asked again every half second whether somebody may have what they are sent.
const ASKED_AGAIN: Duration = Duration::from_millis(700);

async fn fill_log(room: &TestRoom) {
    let write = |number: usize| {
        room.host.records.suspect(Suspicion {
            why: "decoy",
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            class: "page".to_owned(),
            path: Some(format!("/{number}/{}", "x".repeat(ENTRY_BYTES))),
            count: 1,
        })
    };
    try_join_all((0..ENTRIES).map(write)).await.expect("a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_breaks_off_when_its_token_is_revoked_and_else_it_ends() {
    let room = TestRoom::open(program!()).await;
    fill_log(&room).await;
    let (ada, eve) = (
        room.account("ada", "admin").await,
        room.account("eve", "admin").await,
    );
    let [kept, lost] = [room.token(ada, true).await, room.token(eve, true).await];
    let begin = async |token: &str| {
        let visitor = Visitor::with_token(room.client(), token);
        let request = visitor.request(Method::GET, "/api/audit/export");
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let answer = room.client().shared().await.open(request).await;
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        body.frame().await.expect("a beginning").expect("some of it");
        body
    };
    let (whole, broken) = (begin(&kept).await, begin(&lost).await);

    let ada = Visitor::with_token(room.client(), &kept);
    let tokens = ada.get("/api/tokens").await.json();
    let tokens = tokens["items"].as_array().expect("tokens");
    let of_eve = tokens.iter().find(|token| token["owner"] == json!(eve));
    let id = of_eve.expect("a token")["id"].as_str().expect("an id");
    assert_eq!(ada.delete(&format!("/api/tokens/{id}")).await.status, 204);
    tokio::time::sleep(ASKED_AGAIN).await;
    let whole = whole.collect().await.expect("all of it").to_bytes();
    assert!(whole.len() > ENTRIES * ENTRY_BYTES, "{} bytes", whole.len());
    let broken = broken.collect().await;
    assert!(
        broken.is_err(),
        "{} bytes came",
        broken.map_or(0, |all| all.to_bytes().len())
    );
}
