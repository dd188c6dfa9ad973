//! From HTTP to something else on the same connection: only where a route asks for it, and watched as before.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use watchroom_shield::Config;

use crate::room::{PATIENCE, Room, hear, line, status};

fn asking(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: panel.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
}

/// A connection on which an echo speaks, after one word that was sent with the request.
async fn echoing(room: &Room) -> impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + use<> {
    let mut stream = room.tls(&[b"http/1.1"]).await;
    let ask = format!("{}early", asking("/upgrade"));
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with("early") {
        let byte = stream.read_u8().await.unwrap();
        heard.push(char::from(byte));
    }
    assert_eq!(
        (status(&heard), line(&heard, "upgrade")),
        (101, Some("echo")),
        "{heard}"
    );
    assert!(line(&heard, "x-content-type-options").is_some(), "{heard}");
    stream
}

#[tokio::test]
async fn a_route_that_asks_for_it_goes_on_with_the_connection_and_no_other_does() {
    let room = Room::open(Config::default()).await;
    let mut stream = echoing(&room).await;
    stream.write_all(b"more").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"more");
    for path in ["/upgrade-unasked", "/"] {
        let ask = asking(path).replace("Connection: Upgrade", "Connection: Upgrade, close");
        let heard = room.say(ask).await;
        assert_eq!((status(&heard), line(&heard, "upgrade")), (200, None), "{heard}");
    }
    let plain = room.get("/upgrade").await;
    assert_eq!(status(&plain), 200, "{plain}");
}

#[tokio::test]
async fn a_connection_that_went_on_still_counts_until_it_ends() {
    let config = Config {
        connections_per_address: 1,
        ..Config::default()
    };
    let room = Room::open(config).await;
    let held = echoing(&room).await;
    assert_eq!(status(&room.get("/").await), 503);
    drop(held);
    let freed = async {
        while status(&room.get("/").await) != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed)
        .await
        .expect("its place is free again");
}

#[tokio::test]
async fn a_connection_that_went_on_is_cut_off_when_the_time_to_finish_is_over() {
    let config = Config {
        drain_s: 1,
        ..Config::default()
    };
    let room = Room::open(config).await;
    let held = echoing(&room).await;
    room.tasks.stop();
    assert_eq!(hear(held).await, "");
    tokio::time::timeout(PATIENCE, room.serving)
        .await
        .expect("in time")
        .unwrap();
}
