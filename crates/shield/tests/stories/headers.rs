//! Which headers an answer carries, whoever made it.

use watchroom_shield::{Config, SECURITY_HEADERS};

use super::room::{Room, line, say, slug, status};

/// The head of an answer without the one line that tells the real time.
fn head(answer: &str) -> String {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.lines()
        .filter(|line| !line.starts_with("date: "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_dressed(answer: &str) -> bool {
    let has = |name: &str| line(answer, name).is_some();
    SECURITY_HEADERS.iter().all(|(name, _)| has(name.as_str())) && has("x-request-id")
}

#[tokio::test]
async fn an_answer_carries_exactly_these_headers() {
    let room = Room::open(Config::default()).await;
    insta::assert_snapshot!(head(&room.get("/").await), @r#"
    HTTP/1.1 200 OK
    x-request-id: 019b7ca9-8c88-7450-8697-761748e7dc03
    ratelimit: "anonymous-60";r=199;t=64
    ratelimit-policy: "anonymous-60";q=200;w=60
    content-type: text/plain; charset=utf-8
    content-security-policy: default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'
    x-frame-options: DENY
    x-content-type-options: nosniff
    x-xss-protection: 1; mode=block
    referrer-policy: strict-origin-when-cross-origin
    permissions-policy: accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    x-permitted-cross-domain-policies: none
    cache-control: no-store
    strict-transport-security: max-age=31536000; includeSubDomains; preload
    content-length: 5
    connection: close
    "#);
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_the_same_headers() {
    let room = Room::open(Config::default()).await;
    let answer = room
        .say("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n")
        .await;
    let whole = format!(
        "{}\n\n{}",
        head(&answer),
        answer.split_once("\r\n\r\n").unwrap().1
    );
    insta::assert_snapshot!(whole, @r#"
    HTTP/1.1 421 Misdirected Request
    x-request-id: 019b7ca9-8c88-7450-8697-761748e7dc03
    cache-control: no-store
    x-permitted-cross-domain-policies: none
    content-type: application/problem+json
    content-security-policy: default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'
    x-frame-options: DENY
    x-content-type-options: nosniff
    x-xss-protection: 1; mode=block
    referrer-policy: strict-origin-when-cross-origin
    permissions-policy: accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    connection: close
    content-length: 218

    {"detail":"this server does not answer under that host name; use the address you were given","request_id":"019b7ca9-8c88-7450-8697-761748e7dc03","status":421,"title":"Misdirected Request","type":"/problems/wrong-host"}
    "#);
}

#[tokio::test]
async fn pages_are_told_where_to_report_and_the_policy_stays_as_documented() {
    let room = Room::open(Config {
        reports_to: Some("/csp-report"),
        ..Config::default()
    })
    .await;
    let page = room.get_with("/crash", "Accept: text/html\r\n").await;
    let policy = line(&page, "content-security-policy").unwrap();
    assert_eq!(policy, SECURITY_HEADERS[0].1);
    assert_eq!(
        line(&page, "content-security-policy-report-only"),
        Some(format!("{policy}; report-uri /csp-report").as_str())
    );
    for program in [room.get("/").await, room.get("/nowhere").await] {
        assert_eq!(line(&program, "content-security-policy"), Some(policy));
        assert_eq!(line(&program, "content-security-policy-report-only"), None);
    }
}

#[tokio::test]
async fn every_answer_is_dressed_whoever_made_it() {
    let room = Room::open(Config {
        handler_s: 1,
        ..Config::default()
    })
    .await;
    let huge = "x".repeat(120 * 1024);
    let answers = [
        (200, room.get("/").await),
        (404, room.get("/nowhere").await),
        (405, room.get("/echo").await),
        (500, room.get("/crash").await),
        (503, room.get("/slow").await),
        (414, room.get(&format!("/{}", "x".repeat(9_000))).await),
        (
            431,
            room.get_with("/", &format!("X: {}\r\n", "x".repeat(17_000)))
                .await,
        ),
        (
            421,
            room.say("GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n")
                .await,
        ),
        (400, room.say("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await),
        (
            413,
            room.say("POST /echo HTTP/1.1\r\nHost: panel.example\r\nContent-Length: 9999999\r\n\r\n")
                .await,
        ),
        (
            301,
            say(
                room.tcp().await,
                "GET / HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n\r\n",
            )
            .await,
        ),
        // From here on the HTTP library would have answered by itself.
        (400, room.say("G\u{7}T / HTTP/1.1\r\n\r\n").await),
        (
            400,
            room.say("GET / HTTP/9.9\r\nHost: panel.example\r\n\r\n").await,
        ),
        (400, say(room.tcp().await, "nonsense\r\n\r\n").await),
        (431, room.get_with("/", &format!("X: {huge}\r\n")).await),
        (431, room.get_with("/", &"X: x\r\n".repeat(300)).await),
        (414, room.get(&format!("/{}", "x".repeat(70 * 1024))).await),
    ];
    for (number, (expected, answer)) in answers.iter().enumerate() {
        let start = answer.chars().take(400).collect::<String>();
        assert!(is_dressed(answer), "{number}: {start}");
        assert_eq!(status(answer), *expected, "{number}: {start}");
    }
}

#[tokio::test]
async fn garbage_after_a_good_request_is_answered_in_our_words_too() {
    let room = Room::open(Config::default()).await;
    let heard = room
        .say("GET / HTTP/1.1\r\nHost: panel.example\r\n\r\n\u{1}\r\n\r\n")
        .await;
    let second = heard.split_once("hello").unwrap().1;
    assert!(is_dressed(second), "{second}");
    assert_eq!(slug(second), "malformed-request");
}

#[tokio::test]
async fn a_handler_may_say_what_is_cached_and_nothing_else() {
    let room = Room::open(Config::default()).await;
    assert_eq!(
        line(&room.get("/file").await, "cache-control"),
        Some("max-age=60")
    );
    assert_eq!(line(&room.get("/").await, "cache-control"), Some("no-store"));
}

#[tokio::test]
async fn strict_transport_is_not_promised_for_addresses() {
    let room = Room::open(Config::default()).await;
    let by_address = room
        .say("GET / HTTP/1.1\r\nHost: 192.0.2.80\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(
        (
            status(&by_address),
            line(&by_address, "strict-transport-security")
        ),
        (200, None)
    );
    assert!(line(&room.get("/").await, "strict-transport-security").is_some());
}

#[tokio::test]
async fn people_see_a_page_and_programs_a_problem() {
    let room = Room::open(Config::default()).await;
    let page = room.get_with("/crash", "Accept: text/html,*/*;q=0.8\r\n").await;
    assert_eq!(line(&page, "content-type"), Some("text/html; charset=utf-8"));
    assert!(page.contains(line(&page, "x-request-id").unwrap()) && !page.contains("as told by the story"));
    let problem = room.get_with("/crash", "Accept: application/json\r\n").await;
    assert_eq!(line(&problem, "content-type"), Some("application/problem+json"));
    assert_eq!(slug(&problem), "internal");
}

#[tokio::test]
async fn a_clients_own_request_id_is_kept_beside_ours() {
    let room = Room::open(Config::default()).await;
    let answer = room.get_with("/seen", "X-Request-Id: theirs\r\n").await;
    assert!(answer.contains("\"sent_id\":\"theirs\""), "{answer}");
    assert_ne!(line(&answer, "x-request-id"), Some("theirs"));
}
