//! What inspection finds in a corpus, and whom it bothers: `cargo bench -p watchroom-shield --bench corpus -- FILE`.
//!
//! Each line is `{"class":"sqli|xss|traversal|benign","payload":".."}`. Each payload is sent three times as the value
//! of one field, in a query, in a form and in JSON, through the same pass and the same reading of bodies as requests.
//! For each of the three it prints how many of a class were refused, and how many under their own name; what a query
//! cannot carry because it is too long is counted apart.

#![expect(clippy::print_stdout, reason = "the table is what is asked for")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot be made ends"
)]

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request};
use watchroom_kit::Ambient;
use watchroom_shield::{
    BodyForm, Config, Objection, Passed, Peer, Refused, RouteClass, RouteRule, Shield, Spotted, Why,
};

/// Where a value stands in a request.
const PLACES: [&str; 3] = ["query", "form", "JSON"];

/// What came of one value in one place.
enum Outcome {
    Passed,
    Refused(Spotted),
    TooLong,
}

#[derive(Default)]
struct Row {
    all: u32,
    refused: u32,
    as_itself: u32,
    too_long: u32,
}

struct Edge {
    shield: Shield,
    asked: u32,
}

impl Edge {
    /// Passes a request; each comes from an address of its own, so that nobody uses up what they may ask.
    fn pass(&mut self, target: &str) -> Result<Passed, Box<Refused>> {
        self.asked += 1;
        let [a, b, c, d] = self.asked.to_be_bytes().map(u16::from);
        let peer = Ipv6Addr::new(0x2001, 0xdb8, a << 8 | b, c << 8 | d, 0, 0, 0, 1);
        let mut parts = parts(target);
        self.shield
            .pass(&mut parts, &Peer::tls(SocketAddr::from((peer, 4711)), false))
    }

    fn query(&mut self, payload: &str) -> Outcome {
        match self.pass(&format!("/?{}", form(payload))) {
            Ok(_) => Outcome::Passed,
            Err(refused) => match refused.why {
                Why::InputRefused => Outcome::Refused(refused.spotted.expect("it says for what")),
                Why::UriTooLong => Outcome::TooLong,
                other => panic!("refused for {other:?}"),
            },
        }
    }

    fn body(&mut self, kind: BodyForm, body: &str) -> Outcome {
        let passed = self.pass("/").expect("an empty request passes");
        match self.shield.inspect_body(&passed, kind, body.as_bytes()) {
            Ok(()) => Outcome::Passed,
            Err(Objection::Spotted(spotted)) => Outcome::Refused(spotted),
            Err(Objection::TooMuch) => Outcome::TooLong,
            Err(Objection::Unreadable) => panic!("what this wrote is no JSON"),
        }
    }
}

fn main() {
    // Cargo adds a word of its own.
    let file = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let file = file.expect("usage: cargo bench -p watchroom-shield --bench corpus -- FILE");
    let text = std::fs::read_to_string(&file).expect("the corpus is read");
    let classify = |_: &Method, _: &str| RouteRule::new(RouteClass::Change);
    let host = "localhost".to_owned();
    let mut edge = Edge {
        shield: Shield::new(Config::default(), &[host], Arc::new(classify), &Ambient::system()),
        asked: 0,
    };
    let mut rows: BTreeMap<(String, usize), Row> = BTreeMap::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let field = |name: &str| {
            line.get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
        };
        let (class, payload) = (field("class"), field("payload"));
        let json = serde_json::json!({ "field": payload }).to_string();
        let outcomes = [
            edge.query(payload),
            edge.body(BodyForm::Form, &form(payload)),
            edge.body(BodyForm::Json, &json),
        ];
        for (place, outcome) in outcomes.into_iter().enumerate() {
            let row = rows.entry((class.to_owned(), place)).or_default();
            row.all += 1;
            match outcome {
                Outcome::Passed => {}
                Outcome::TooLong => row.too_long += 1,
                Outcome::Refused(spotted) => {
                    row.refused += 1;
                    row.as_itself += u32::from(spotted.class().name() == class);
                }
            }
        }
    }
    println!(
        "{:<10} {:<6} {:>6} {:>10} {:>11} {:>9}",
        "class", "place", "all", "refused %", "as itself %", "too long"
    );
    for ((class, place), row) in &rows {
        let read = f64::from(row.all - row.too_long);
        let percent = |count: u32| 100.0 * f64::from(count) / read;
        println!(
            "{class:<10} {:<6} {:>6} {:>10.2} {:>11.2} {:>9}",
            PLACES.get(*place).copied().unwrap_or_default(),
            row.all,
            percent(row.refused),
            percent(row.as_itself),
            row.too_long
        );
    }
}

/// A field of a form or a query.
fn form(payload: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("field", payload)
        .finish()
}

fn parts(target: &str) -> Parts {
    let request = Request::post(target).header("host", "localhost").body(());
    request.expect("a request").into_parts().0
}
