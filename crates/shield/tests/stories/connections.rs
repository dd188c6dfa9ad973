//! How connections begin, are counted, and end.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use watchroom_shield::Config;

use super::room::{OTHER, PATIENCE, Room, hear, line, say, slug, status};

#[tokio::test]
async fn one_connection_too_many_from_an_address_is_told_so() {
    let room = Room::open(Config {
        connections_per_address: 1,
        ..Config::default()
    })
    .await;
    let mut first = room.tls(&[b"http/1.1"]).await;
    let refused = room.get("/").await;
    assert_eq!((status(&refused), slug(&refused).as_str()), (503, "overloaded"));
    assert!(line(&refused, "retry-after").is_some());
    first
        .write_all(b"GET / HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(hear(first).await.ends_with("hello"));
    is_free_again(&room).await;
}

#[tokio::test]
async fn a_crowd_at_one_address_does_not_lock_out_whoever_proves_who_they_are() {
    let room = Room::open(Config {
        connections_per_address: 2,
        ..Config::default()
    })
    .await;
    let _crowd = (room.tls(&[b"http/1.1"]).await, room.tls(&[b"http/1.1"]).await);
    assert_eq!(hear(room.proven().await).await, "not http, 127.0.0.1");
    let stranger = hear(room.tls(&[OTHER]).await).await;
    assert_eq!(stranger, "", "nobody proven is one too many");
}

#[tokio::test]
async fn hands_are_shaken_with_one_address_at_a_pace() {
    let room = Room::open(Config {
        handshakes_at_once: 2,
        handshakes_per_s: 1,
        header_read_s: 3,
        ..Config::default()
    })
    .await;
    // Sixty-four at once, of which two are heard at once and a few take turns: nobody waits for over a minute.
    let crowd = (0..64).map(|_| async { room.try_tls(&[b"http/1.1"]).await.is_ok() });
    let heard = futures_util::future::join_all(crowd).await;
    let heard = heard.into_iter().filter(|is_heard| *is_heard).count();
    assert!((2..32).contains(&heard), "{heard} of 64 were heard");
    // What speaks no TLS costs no handshake, and links of nodes have a pace of their own.
    let plain = "GET / HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&say(room.tcp().await, plain).await), 301);
    assert_eq!(hear(room.proven().await).await, "not http, 127.0.0.1");
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_takes_nothing_new() {
    let room = Room::open(Config::default()).await;
    let mut working = room.tls(&[b"http/1.1"]).await;
    working
        .write_all(b"GET /slow HTTP/1.1\r\nHost: panel.example\r\n\r\n")
        .await
        .unwrap();
    let mut streaming = room.tls(&[b"http/1.1"]).await;
    streaming
        .write_all(b"GET /stream HTTP/1.1\r\nHost: panel.example\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 1];
    streaming.read_exact(&mut first).await.unwrap();
    let idle = room.tls(&[b"http/1.1"]).await;
    // Long enough for the slow request to have been read, far shorter than it takes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    room.tasks.stop();
    let worked = hear(working).await;
    assert!(worked.ends_with("at last"), "{worked}");
    // The stream ends as a stream does, with its last chunk, instead of breaking off.
    assert!(hear(streaming).await.ends_with("word\n\r\n0\r\n\r\n"));
    assert_eq!(hear(idle).await, "");
    tokio::time::timeout(PATIENCE, room.serving)
        .await
        .expect("serving ends")
        .unwrap();
    assert!(TcpStream::connect(room.address).await.is_err());
}

/// What comes of a path that crashes, and of one that is asked for behind it on the same connection.
async fn after_a_crash(path: &str) -> String {
    let room = Room::open(Config::default()).await;
    let both = format!(
        "GET {path} HTTP/1.1\r\nHost: panel.example\r\n\r\n\
         GET / HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n"
    );
    room.say(both).await
}

#[tokio::test]
async fn a_crash_in_one_handler_leaves_others_alone() {
    let heard = after_a_crash("/crash").await;
    assert_eq!(status(&heard), 500);
    assert!(heard.ends_with("hello"), "{heard}");
}

#[tokio::test]
async fn a_crash_in_a_check_lets_nobody_in_and_leaves_others_on_the_connection_alone() {
    let heard = after_a_crash("/crash-in-a-check").await;
    assert_eq!(status(&heard), 500);
    assert!(heard.contains("content-security-policy: "), "{heard}");
    assert!(heard.ends_with("hello"), "{heard}");
}

#[tokio::test]
async fn whoever_does_not_read_the_answer_loses_the_connection() {
    let config = Config {
        connections_per_address: 1,
        body_read_s: 1,
        ..Config::default()
    };
    let room = Room::open(config).await;
    let mut deaf = room.tls(&[b"http/1.1"]).await;
    deaf.write_all(b"GET /big HTTP/1.1\r\nHost: panel.example\r\n\r\n")
        .await
        .unwrap();
    is_free_again(&room).await;
    drop(deaf);
}

#[tokio::test]
async fn holding_answers_back_over_http2_does_not_hold_the_connection() {
    let config = Config {
        body_read_s: 1,
        ..Config::default()
    };
    let room = Room::open(config).await;
    for window in [0, 1, 1_000] {
        let stream = TokioIo::new(room.tls(&[b"h2"]).await);
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (mut send, connection) = builder.handshake::<_, Empty<&[u8]>>(stream).await.unwrap();
        let ended = room.tasks.spawn("client", async move { drop(connection.await) });
        let request = Request::builder()
            .uri("https://panel.example/big")
            .body(Empty::new())
            .unwrap();
        let answer = send.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        // The connection itself lives: its pings are answered all the time.
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("it ends")
            .unwrap();
        drop(answer);
    }
}

#[tokio::test]
async fn who_takes_slowly_but_takes_keeps_the_connection_over_http2() {
    let config = Config {
        body_read_s: 1,
        ..Config::default()
    };
    let room = Room::open(config).await;
    let stream = TokioIo::new(room.tls(&[b"h2"]).await);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<&[u8]>>(TokioExecutor::new(), stream)
            .await
            .unwrap();
    room.tasks.spawn("client", async move { drop(connection.await) });
    let request = |path: &str| {
        let uri = format!("https://panel.example{path}");
        Request::builder().uri(uri).body(Empty::new()).unwrap()
    };
    let mut big = send.send_request(request("/big")).await.unwrap().into_body();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let frame = big.frame().await.expect("there is more").unwrap();
        assert!(frame.data_ref().is_some_and(|data| !data.is_empty()));
    }
    let answer = send.send_request(request("/")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn who_takes_a_whole_answer_slowly_gets_all_of_it_over_http1() {
    let room = Room::open(Config {
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    let mut slow = room.tls(&[b"http/1.1"]).await;
    slow.write_all(b"GET /big HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    // Longer than anybody may rest, while the answer lies ready.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    let (head, body) = answer.split_at(answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4);
    let announced = String::from_utf8_lossy(head).to_lowercase();
    let announced = announced
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_eq!(body.len().to_string(), announced);
}

/// Waits until a room that had no place has one again.
async fn is_free_again(room: &Room) {
    let freed = async {
        while status(&room.get("/").await) != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed)
        .await
        .expect("the place is free again");
}

#[tokio::test]
async fn who_begins_and_then_says_nothing_loses_the_place() {
    let room = Room::open(Config {
        connections_per_address: 1,
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    let mut plain = room.tcp().await;
    plain.write_all(b"P").await.unwrap();
    is_free_again(&room).await;
    let silent = room.tls(&[b"http/1.1"]).await;
    is_free_again(&room).await;
    let mut halting = room.tls(&[b"http/1.1"]).await;
    halting.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n").await.unwrap();
    is_free_again(&room).await;
    let silent_too = room.tls(&[b"h2"]).await;
    is_free_again(&room).await;
    drop((plain, silent, halting, silent_too));
}

#[tokio::test]
async fn over_http2_pings_do_not_hold_a_place_before_a_request_nor_after() {
    let room = Room::open(Config {
        connections_per_address: 1,
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    for asks in [0, 1] {
        let stream = TokioIo::new(room.tls(&[b"h2"]).await);
        let (mut send, connection) =
            hyper::client::conn::http2::handshake::<_, _, Empty<&[u8]>>(TokioExecutor::new(), stream)
                .await
                .unwrap();
        // Whatever the other end pings is answered for as long as this runs.
        let ended = room.tasks.spawn("client", async move { drop(connection.await) });
        for _ in 0..asks {
            let request = Request::builder()
                .uri("https://panel.example/")
                .body(Empty::new());
            let answer = send.send_request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("it ends")
            .unwrap();
        is_free_again(&room).await;
        drop(send);
    }
}

#[tokio::test]
async fn over_http2_a_long_answer_keeps_the_connection() {
    let room = Room::open(Config {
        header_read_s: 1,
        ..Config::default()
    })
    .await;
    let stream = TokioIo::new(room.tls(&[b"h2"]).await);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake::<_, _, Empty<&[u8]>>(TokioExecutor::new(), stream)
            .await
            .unwrap();
    room.tasks.spawn("client", async move { drop(connection.await) });
    let request = |path: &str| {
        let uri = format!("https://panel.example{path}");
        Request::builder().uri(uri).body(Empty::new()).unwrap()
    };
    let streaming = send.send_request(request("/stream")).await.unwrap();
    // Longer than a connection may rest.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(send.send_request(request("/")).await.unwrap().status(), 200);
    drop(streaming);
}
