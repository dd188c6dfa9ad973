//! What the world around the panel meets: pages of other origins, whoever found a weakness, and whoever typed the name alone.

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use watchroom_kit::Ambient;
use watchroom_testkit::{TestRoom, Visitor, program};

const CREW: &str = "https://crew.example";

/// A request that a script of the crew's own page makes.
fn from_crew(visitor: &Visitor, method: Method, path: &str) -> http::request::Builder {
    let mut request = visitor.request(method, path).header("origin", CREW);
    if let Some(headers) = request.headers_mut() {
        headers.insert("sec-fetch-site", http::HeaderValue::from_static("cross-site"));
    }
    request
}

fn creating(request: http::request::Builder, name: &str) -> Request<Body> {
    let server = json!({ "name": name, "command": ["/bin/true"] }).to_string();
    let request = request.header(CONTENT_TYPE, "application/json");
    request.body(Body::from(server)).expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_page_reads_answers_and_changes_things_by_a_token_alone() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.shield.cors.origins = vec![CREW.parse().expect("an origin")];
    })
    .await;
    let program = room.operator("olga").await;
    let person = room.signed_in("otto", "operator").await;
    let read = from_crew(&program, Method::GET, "/api/servers");
    let answer = program.send(read.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), CREW);
    let by_token = creating(from_crew(&program, Method::POST, "/api/servers"), "web");
    assert_eq!(program.send(by_token).await.status, 201);
    let by_cookie = creating(from_crew(&person, Method::POST, "/api/servers"), "by-cookie");
    person.send(by_cookie).await.problem(403, "csrf");
    // Signing in is for the panel's own pages.
    let signing_in = creating(from_crew(&person, Method::POST, "/api/auth/token"), "x");
    person.send(signing_in).await.problem(403, "from-elsewhere");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_to_tell_of_a_weakness_is_told_to_everybody_once_somebody_is_named() {
    const PATH: &str = "/.well-known/security.txt";
    let room = TestRoom::open(program!()).await;
    room.stranger().get(PATH).await.problem(404, "not-found");
    room.close().await;
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        let contact = "mailto:crew@example.org".parse();
        config.host.security_contact = Some(contact.expect("a contact"));
    })
    .await;
    let answer = room.stranger().get(PATH).await;
    answer.assert_dressed();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/plain; charset=utf-8")
    );
    let text = answer.text();
    assert!(
        text.starts_with("Contact: mailto:crew@example.org\nExpires: 2"),
        "{text}"
    );
    room.close().await;
}

/// What is answered to one request in the clear.
async fn in_the_clear(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_types_the_name_alone_is_sent_to_the_panel_and_a_program_is_told() {
    let room = TestRoom::with(program!(), Ambient::system(), |config| {
        config.host.http_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    })
    .await;
    let http = room.http_address().expect("a listener");
    let answer = in_the_clear(http, "GET /nodes?page=2").await;
    let location = format!(
        "location: https://localhost:{}/nodes?page=2\r\n",
        room.address().port()
    );
    assert!(
        answer.starts_with("HTTP/1.1 301 ") && answer.contains(&location),
        "{answer}"
    );
    for head in ["POST /login", "GET /api/nodes"] {
        let answer = in_the_clear(http, head).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("https-required"),
            "{answer}"
        );
    }
    room.close().await;
}
