//! Whether the time of a refusal tells names that exist from names that do not.

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
const APART: Duration = Duration::from_millis(1);

pub fn names() -> Vec<Row> {
    process::pin_to(SERVER_CORE);
    let room = Room::configured(&format!("[shield]\ntrusted_proxies = [\"{PROXY}\"]\n"));
    process::pin_to(CLIENT_CORE);
    let way = Way::Tls(room.client());
    let accounts = GUESSES / 5;
    drop(room.tokens(accounts));
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    runtime().block_on(async {
        let mut form = Form::open(
            PROXY.parse().unwrap(),
            &way,
            &room.authority(),
            Some("203.0.113.1"),
        )
        .await
        .unwrap();
        for turn in 0..GUESSES {
            let names = [
                (format!("user-{}", turn % accounts), &mut known),
                (format!("nobody-{turn}"), &mut unknown),
            ];
            for (side, (name, waits)) in names.into_iter().enumerate() {
                let from = format!("203.0.{}.{}", turn % 250, side + 1);
                let began = Instant::now();
                let status = form.send(&name, "wrong+horse+9", Some(&from)).await.unwrap();
                waits.push(began.elapsed());
                assert_eq!(status, 401, "{name} from {from}");
            }
        }
    });
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    let apart = known.abs_diff(unknown);
    vec![Row::judged(
        "wrong passwords: names that exist / that do not, medians",
        format!("{known:.2?} / {unknown:.2?}, {apart:.0?} apart"),
        "<= 1 ms apart",
        Verdict::of(apart <= APART),
    )]
}

fn median(waits: &mut [Duration]) -> Duration {
    waits.sort();
    waits[waits.len() / 2]
}
