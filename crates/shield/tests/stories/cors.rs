//! Who of other pages may read an answer.

use watchroom_shield::{Config, CorsConfig};

use super::room::{Room, line, slug, status};

const CREW: &str = "https://crew.example";
const ABOUT_READERS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
];

fn says_nothing_of_readers(answer: &str) -> bool {
    ABOUT_READERS.iter().all(|name| line(answer, name).is_none())
}

async fn for_the_crew() -> Room {
    let cors = CorsConfig {
        origins: vec![CREW.parse().unwrap()],
    };
    Room::open(Config {
        cors,
        ..Config::default()
    })
    .await
}

async fn preflight(room: &Room, origin: &str) -> String {
    let head = "OPTIONS /echo HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n";
    room.say(format!(
        "{head}Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n"
    ))
    .await
}

#[tokio::test]
async fn as_long_as_nobody_is_listed_nothing_is_said_to_anybody() {
    let room = Room::open(Config::default()).await;
    let answer = room.get_with("/", &format!("Origin: {CREW}\r\n")).await;
    assert!(says_nothing_of_readers(&answer), "{answer}");
    assert_eq!(line(&answer, "vary"), None);
    let answer = preflight(&room, CREW).await;
    assert_eq!(status(&answer), 405);
    assert!(says_nothing_of_readers(&answer), "{answer}");
}

#[tokio::test]
async fn a_listed_origin_may_read_answers_and_refusals() {
    let room = for_the_crew().await;
    let crews = format!("Origin: {CREW}\r\n");
    for path in ["/", "/nowhere"] {
        let answer = room.get_with(path, &crews).await;
        assert_eq!(line(&answer, "access-control-allow-origin"), Some(CREW));
        assert_eq!(line(&answer, "access-control-allow-credentials"), Some("true"));
        assert_eq!(line(&answer, "vary"), Some("origin"));
    }
    let refused = room
        .get_with("/", &format!("{crews}X: {}\r\n", "x".repeat(32 * 1024)))
        .await;
    assert_eq!(slug(&refused), "headers-too-large");
    assert_eq!(line(&refused, "access-control-allow-origin"), Some(CREW));
}

#[tokio::test]
async fn a_listed_origin_may_ask_in_advance() {
    let room = for_the_crew().await;
    let answer = preflight(&room, CREW).await;
    assert_eq!(status(&answer), 204);
    assert_eq!(line(&answer, "access-control-allow-origin"), Some(CREW));
    assert!(line(&answer, "access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    assert!(
        line(&answer, "access-control-allow-headers")
            .is_some_and(|headers| headers.contains("authorization"))
    );
}

#[tokio::test]
async fn nobody_else_is_told_more_than_that_it_would_differ() {
    let room = for_the_crew().await;
    for origin in [
        "https://evil.example",
        "https://crew.example.evil.example",
        "https://evil.example/https://crew.example",
        "http://crew.example",
        "https://crew.example:8443",
        "https://sub.crew.example",
        "https://CREW.example",
        "null",
        "*",
        "https://crew.example, https://evil.example",
        "https://crew.example\r\nOrigin: https://evil.example",
    ] {
        let answer = room.get_with("/", &format!("Origin: {origin}\r\n")).await;
        assert_eq!(status(&answer), 200);
        assert!(says_nothing_of_readers(&answer), "{origin}: {answer}");
        assert_eq!(line(&answer, "vary"), Some("origin"));
        let answer = preflight(&room, origin).await;
        assert_eq!(status(&answer), 405, "{origin}");
        assert!(says_nothing_of_readers(&answer), "{origin}: {answer}");
    }
}
