//! Too long, too large, too slow.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use watchroom_shield::Config;

use super::room::{PATIENCE, Room, hear, line, slug, status};

const POST: &str = "POST /echo HTTP/1.1\r\nHost: panel.example\r\n";

#[tokio::test]
async fn headers_and_addresses_that_are_too_long_are_refused_by_name() {
    let room = Room::open(Config::default()).await;
    let header = room
        .get_with("/", &format!("X: {}\r\n", "x".repeat(32 * 1024)))
        .await;
    assert_eq!(
        (status(&header), slug(&header).as_str()),
        (431, "headers-too-large")
    );
    let many = room.get_with("/", &"X: x\r\n".repeat(101)).await;
    assert_eq!((status(&many), slug(&many).as_str()), (431, "headers-too-large"));
    let target = room.get(&format!("/{}", "x".repeat(9 * 1024))).await;
    assert_eq!((status(&target), slug(&target).as_str()), (414, "uri-too-long"));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_and_its_sender_hears_why() {
    let room = Room::open(Config::default()).await;
    let body = "x".repeat(2 << 20);
    let answer = room
        .say(format!("{POST}Content-Length: {}\r\n\r\n{body}", body.len()))
        .await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (413, "body-too-large"));
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_even_if_the_handler_would_not_say_so() {
    let room = Room::open(Config::default()).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let answer = room
        .say(format!(
            "{POST}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            chunk.repeat(32)
        ))
        .await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (413, "body-too-large"));
}

#[tokio::test]
async fn a_route_can_take_more_than_the_default() {
    let room = Room::open(Config::default()).await;
    let body = "x".repeat(3 << 20);
    let head = "POST /upload HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n";
    let answer = room
        .say(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
        .await;
    assert!(answer.ends_with("3145728"), "{answer}");
}

#[tokio::test]
async fn whoever_signs_in_may_say_less_than_others() {
    let room = Room::open(Config::default()).await;
    let body = "x".repeat((64 << 10) + 1);
    let send = async |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n");
        room.say(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
            .await
    };
    let answer = send("/sign-in").await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (413, "body-too-large"));
    assert_eq!(status(&send("/echo").await), 200);
}

#[tokio::test]
async fn bodies_together_are_never_more_than_fits_and_who_came_first_is_served() {
    const PART: usize = 40 << 10;
    let room = Room::open(Config {
        body_bytes: 64 << 10,
        bodies_bytes: 64 << 10,
        ..Config::default()
    })
    .await;
    let head = format!("{POST}Connection: close\r\nContent-Length: {}\r\n\r\n", PART + 1);
    let begun = async || {
        let mut stream = room.tls(&[b"http/1.1"]).await;
        let most = format!("{head}{}", "x".repeat(PART));
        stream.write_all(most.as_bytes()).await.unwrap();
        stream
    };
    let (mut one, mut other) = (begun().await, begun().await);
    let (mut start, mut others_start) = ([0; 12], [0; 12]);
    // Which of the two comes second is the system's choice; the first is not answered as long as it is not at its end.
    let (refused, mut left) = tokio::select! {
        read = one.read_exact(&mut start) => { read.unwrap(); (start, other) }
        read = other.read_exact(&mut others_start) => { read.unwrap(); (others_start, one) }
    };
    assert_eq!(&refused, b"HTTP/1.1 503");
    left.write_all(b"x").await.unwrap();
    assert!(hear(left).await.ends_with("40961"));
    let mut next = begun().await;
    next.write_all(b"x").await.unwrap();
    assert!(hear(next).await.ends_with("40961"));
}

#[tokio::test]
async fn headers_that_do_not_end_are_cut_and_others_are_served_meanwhile() {
    let room = Room::open(Config {
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    let mut sluggish = room.tls(&[b"http/1.1"]).await;
    sluggish
        .write_all(b"GET / HTTP/1.1\r\nHost: panel")
        .await
        .unwrap();
    let silent = room.tcp().await;
    assert_eq!(status(&room.get("/").await), 200);
    assert_eq!(hear(sluggish).await, "");
    assert_eq!(hear(silent).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let room = Room::open(Config {
        body_read_s: 1,
        ..Config::default()
    })
    .await;
    let mut stream = room.tls(&[b"http/1.1"]).await;
    stream
        .write_all(format!("{POST}Content-Length: 10\r\n\r\nx").as_bytes())
        .await
        .unwrap();
    let answer = hear(stream).await;
    assert_eq!((status(&answer), slug(&answer).as_str()), (408, "body-too-slow"));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_503_and_a_stream_is_not() {
    let room = Room::open(Config {
        handler_s: 1,
        ..Config::default()
    })
    .await;
    let answer = room.get("/slow").await;
    assert_eq!(
        (status(&answer), slug(&answer).as_str()),
        (503, "handler-too-slow")
    );
    assert!(line(&answer, "retry-after").is_some());
    let mut stream = room.tls(&[b"http/1.1"]).await;
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nHost: panel.example\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut heard = vec![0; 4_096];
    let count = tokio::time::timeout(PATIENCE, stream.read(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&heard[..count]).starts_with("HTTP/1.1 200"));
}
