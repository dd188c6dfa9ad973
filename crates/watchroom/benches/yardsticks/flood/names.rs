//! Whether the time of an answer tells names and addresses that exist from those that do not.
//!
//! A passkey is asked for without a name, and a link to a new password by administrators alone: there is nothing to tell.

use std::time::{Duration, Instant};

use super::PROXY;
use super::attack::Form;
use crate::load::{Way, runtime};
use crate::room::Room;
use crate::table::{Row, Verdict};
use crate::{CLIENT_CORE, SERVER_CORE, process};

/// Guesses for each kind of name, in turn. An account takes few from one network, so each comes from elsewhere and
/// for an account of its own.
const GUESSES: usize = 150;
/// Asks for a link for each kind of address, in turn: both together are as many as strangers may make in a minute, and an
/// address is sent three in an hour.
const ASKS: usize = 27;
const MINUTES: usize = 3;
const NEXT_MINUTE: Duration = Duration::from_secs(61);
const APART: Duration = Duration::from_millis(1);
/// Mail is written, and nobody takes it.
const MAIL: &str = r#"
[mail]
server = "127.0.0.1"
port = 9
protection = "none"
from = "watchroom@host.example"
panel_url = "https://host.example:7443"

[identity.magic_links]
is_on = true
"#;

/// How long answers took for what exists and for what does not.
#[derive(Default)]
struct Waits {
    known: Vec<Duration>,
    unknown: Vec<Duration>,
}

pub fn names() -> Vec<Row> {
    process::pin_to(SERVER_CORE);
    let room = Room::configured(&format!("[shield]\ntrusted_proxies = [\"{PROXY}\"]\n{MAIL}"));
    process::pin_to(CLIENT_CORE);
    let accounts = GUESSES / 5;
    drop(room.tokens(accounts));
    room.addresses(ASKS);
    let (passwords, links) =
        runtime().block_on(async { (passwords(&room, accounts).await, links(&room).await) });
    vec![
        passwords.row("wrong passwords: names that exist / that do not, medians"),
        links.row("links by mail: addresses that exist / that do not, medians"),
    ]
}

async fn form(room: &Room) -> Form {
    let (way, authority) = (Way::Tls(room.client()), room.authority());
    let form = Form::open(PROXY.parse().unwrap(), &way, &authority, Some("203.0.113.1"));
    form.await.unwrap()
}

async fn passwords(room: &Room, accounts: usize) -> Waits {
    let mut waits = Waits::default();
    let mut form = form(room).await;
    for turn in 0..GUESSES {
        let names = [
            (format!("user-{}", turn % accounts), &mut waits.known),
            (format!("nobody-{turn}"), &mut waits.unknown),
        ];
        for (side, (name, waits)) in names.into_iter().enumerate() {
            let from = format!("203.0.{}.{}", turn % 250, side + 1);
            let began = Instant::now();
            let status = form.send(&name, "wrong+horse+9", Some(&from)).await.unwrap();
            waits.push(began.elapsed());
            assert_eq!(status, 401, "{name} from {from}");
        }
    }
    waits
}

/// Each from a site of its own, in pairs of which now the one and now the other comes first.
async fn links(room: &Room) -> Waits {
    let mut waits = Waits::default();
    for minute in 0..MINUTES {
        if minute > 0 {
            tokio::time::sleep(NEXT_MINUTE).await;
        }
        let mut form = form(room).await;
        for turn in 0..ASKS {
            let mut names = [
                (format!("user-{turn}"), &mut waits.known),
                (format!("nobody-{minute}-{turn}"), &mut waits.unknown),
            ];
            if turn % 2 == 1 {
                names.reverse();
            }
            for (side, (name, waits)) in names.into_iter().enumerate() {
                let from = format!("10.{minute}.{}.7", 2 * turn + side);
                let fields = format!("email={name}%40home.example");
                let began = Instant::now();
                let status = form.post("/login/magic", &fields, Some(&from)).await.unwrap();
                waits.push(began.elapsed());
                assert_eq!(status, 200, "{name} from {from}");
            }
        }
    }
    waits
}

impl Waits {
    fn row(mut self, what: &'static str) -> Row {
        let (known, unknown) = (median(&mut self.known), median(&mut self.unknown));
        let apart = known.abs_diff(unknown);
        Row::judged(
            what,
            format!("{known:.2?} / {unknown:.2?}, {apart:.0?} apart"),
            "<= 1 ms apart",
            Verdict::of(apart <= APART),
        )
    }
}

fn median(waits: &mut [Duration]) -> Duration {
    waits.sort();
    waits[waits.len() / 2]
}
