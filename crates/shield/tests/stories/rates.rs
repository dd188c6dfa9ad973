//! How often, as a client sees it.

use std::time::Duration;

use watchroom_shield::{Config, ShieldEvent, Window};

use super::room::{Room, line, slug, status};

fn limited(anonymous: u32) -> Config {
    let mut config = Config::default();
    config.limits.anonymous = vec![Window::per_minute(anonymous)];
    config
}

#[tokio::test]
async fn the_numbers_in_the_headers_are_what_a_client_meets() {
    let room = Room::open(limited(3)).await;
    for left in ["2", "1", "0"] {
        let answer = room.get("/").await;
        assert_eq!(status(&answer), 200);
        assert_eq!(
            line(&answer, "ratelimit-policy"),
            Some("\"anonymous-60\";q=3;w=60")
        );
        assert_eq!(
            line(&answer, "ratelimit").unwrap().split(';').nth(1),
            Some(format!("r={left}").as_str())
        );
    }
    let refused = room.get("/").await;
    assert_eq!((status(&refused), slug(&refused).as_str()), (429, "rate-limited"));
    let wait: u64 = line(&refused, "retry-after").unwrap().parse().unwrap();
    assert_eq!(
        line(&refused, "ratelimit"),
        Some(format!("\"anonymous-60\";r=0;t={wait}").as_str())
    );
    room.clock.advance(Duration::from_secs(wait - 1));
    assert_eq!(status(&room.get("/").await), 429);
    room.clock.advance(Duration::from_secs(1));
    assert_eq!(status(&room.get("/").await), 200);
}

#[tokio::test]
async fn a_page_elsewhere_uses_up_nobodys_tries_to_sign_in() {
    let room = Room::open(Config::default()).await;
    let sign_in = async |lines: &str| {
        room.say(format!(
            "POST /sign-in HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\nContent-Length: 5\r\n{lines}\r\nwrong"
        ))
        .await
    };
    for site in ["cross-site", "same-site"] {
        for _ in 0..20 {
            let refused = sign_in(&format!("Sec-Fetch-Site: {site}\r\n")).await;
            assert_eq!(
                (status(&refused), slug(&refused).as_str()),
                (403, "from-elsewhere")
            );
        }
    }
    assert!(
        sign_in("Sec-Fetch-Site: same-origin\r\n")
            .await
            .ends_with("wrong")
    );
}

#[tokio::test]
async fn files_and_health_do_not_eat_into_other_budgets() {
    let room = Room::open(limited(1)).await;
    for _ in 0..5 {
        assert_eq!(status(&room.get("/file").await), 200);
        assert_eq!(status(&room.get("/health").await), 200);
    }
    assert_eq!(status(&room.get("/").await), 200);
    assert_eq!(status(&room.get("/").await), 429);
    assert_eq!(status(&room.get("/file").await), 200);
}

#[tokio::test]
async fn five_wrong_sign_ins_a_minute_and_right_ones_are_free() {
    let room = Room::open(Config::default()).await;
    let sign_in = async |word: &str| {
        let head = "POST /sign-in HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n";
        room.say(format!("{head}Content-Length: {}\r\n\r\n{word}", word.len()))
            .await
    };
    for _ in 0..8 {
        assert!(sign_in("right").await.ends_with("welcome"));
    }
    for _ in 0..5 {
        assert!(sign_in("wrong").await.ends_with("wrong"));
    }
    assert_eq!(status(&sign_in("right").await), 429);
}

#[tokio::test]
async fn somebody_known_is_not_held_to_the_limit_of_strangers_behind_the_same_address() {
    let room = Room::open(limited(2)).await;
    for _ in 0..2 {
        assert_eq!(status(&room.get("/whoami").await), 200);
    }
    assert_eq!(status(&room.get("/whoami").await), 429);
    assert!(
        room.get_with("/whoami", "Cookie: good\r\n")
            .await
            .ends_with("somebody")
    );
    let pretender = room.get_with("/whoami", "Cookie: bad\r\n").await;
    assert_eq!(
        (status(&pretender), slug(&pretender).as_str()),
        (429, "rate-limited")
    );
}

#[tokio::test]
async fn a_flood_becomes_one_event_and_a_count() {
    let room = Room::open(limited(1)).await;
    let mut events = room.shield.events();
    for _ in 0..10 {
        room.get("/").await;
    }
    let Ok(ShieldEvent::Refused(first)) = events.try_recv() else {
        panic!("no event")
    };
    assert_eq!(
        (first.why, first.client.to_string().as_str(), first.count),
        ("rate-limited", "127.0.0.1", 1)
    );
    assert!(events.try_recv().is_err());
    room.clock.advance(Duration::from_secs(70));
    room.get_with("/", "X-Forwarded-For: 1.2.3.4\r\n").await;
    room.say("GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n")
        .await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(match event {
            ShieldEvent::Refused(event) => format!("{} {}", event.why, event.count),
            ShieldEvent::UndeclaredProxy { peer, .. } => format!("undeclared proxy {peer}"),
            _ => "something else".to_owned(),
        });
    }
    insta::assert_snapshot!(told.join(", "), @"undeclared proxy 127.0.0.1, rate-limited 8, wrong-host 1");
    assert!(room.shield.refusals().any(|count| count == ("rate-limited", 9)));
}
