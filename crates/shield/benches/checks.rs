//! What each check of the pass costs: `cargo bench -p watchroom-shield`. A browser's request and a program's pass
//! again and again from ever other addresses, so that no limit is met; the median of each check is told, less what
//! looking at the clock takes.

#![expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
#![expect(clippy::print_stdout, reason = "the table is what is asked for")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, Response};
use watchroom_kit::Ambient;
use watchroom_shield::{Config, Peer, RouteClass, RouteRule, Shield};

const ROUNDS: u32 = 200_000;
/// Addresses that take turns: so many that none asks more often than it may.
const ADDRESSES: u32 = 4_000;

/// What is asked, and the headers it comes with besides `Host`.
type Asked = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const PROGRAM: Asked = (
    "a program's",
    "/api/nodes?limit=50",
    &[
        (
            "authorization",
            "Bearer wr_pat_00000000000000000000000000000000000000000000000000",
        ),
        ("user-agent", "curl/8.5.0"),
        ("accept", "*/*"),
    ],
);

const BROWSER: Asked = (
    "a browser's",
    "/servers/0190b0de-7000-7000-8000-000000000000?tab=console",
    &[
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        ),
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("accept-language", "en-GB,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", "https://panel.example.org:7443/servers"),
        (
            "cookie",
            "__Host-watchroom_session=0123456789abcdef0123456789abcdef0123456789abcdef",
        ),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("te", "trailers"),
    ],
);

fn main() {
    let classify = |_: &Method, _: &str| RouteRule::new(RouteClass::Read);
    let own = ["panel.example.org".to_owned()];
    let shield = Shield::new(Config::default(), &own, Arc::new(classify), &Ambient::system());
    let clock = clock();
    for (whose, target, headers) in [PROGRAM, BROWSER] {
        println!("{whose} request, nanoseconds (median of {ROUNDS})");
        for (name, taken) in measure(&shield, target, headers) {
            println!("  {name:<12} {:>6}", taken.saturating_sub(clock).as_nanos());
        }
    }
}

fn request(target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder()
        .uri(target)
        .header("host", "panel.example.org:7443");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap_or_default().into_parts();
    parts
}

/// The median of each step, in the order of the steps: before the checks, each of them, the value that is handed on,
/// and the headers of the answer.
fn measure(shield: &Shield, target: &str, headers: &[(&str, &str)]) -> Vec<(String, Duration)> {
    let mut times: BTreeMap<usize, (String, Vec<Duration>)> = BTreeMap::new();
    let asked = request(target, headers);
    for round in 0..ROUNDS {
        let mut parts = asked.clone();
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(192, 0, 2, 0).to_bits() + round % ADDRESSES);
        let peer = Peer::tls(SocketAddr::from((address, 50_000)), true);
        let mut response = Response::new(Body::empty());
        let mut place = 0;
        let mut before = Instant::now();
        let mut note = |name: &str| {
            let now = Instant::now();
            let (_, all) = times
                .entry(place)
                .or_insert_with(|| (name.to_owned(), Vec::with_capacity(ROUNDS as usize)));
            all.push(now - before);
            place += 1;
            before = Instant::now();
        };
        let passed = shield.pass_watched(&mut parts, &peer, &mut note);
        note("handing on");
        let Ok(passed) = black_box(passed) else { continue };
        shield.finish(passed.told(), &mut response);
        note("headers");
        black_box(&response);
    }
    times
        .into_values()
        .map(|(name, mut all)| {
            all.sort();
            (name, all.get(all.len() / 2).copied().unwrap_or_default())
        })
        .collect()
}

/// What two looks at the clock take.
fn clock() -> Duration {
    let mut all: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let before = Instant::now();
            Instant::now() - before
        })
        .collect();
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
