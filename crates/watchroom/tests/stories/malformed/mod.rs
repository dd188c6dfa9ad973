//! Malformed input of every kind, against the whole program: it neither falls, nor fails, nor grows, and goes on
//! answering whoever asks properly. `make soak` sends a million.

mod asked;
mod chance;
mod frames;
mod http1;
mod http2;
mod json;
mod link;
mod socket;
mod tally;
mod target;
mod tls;
mod wire;

use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asked::{Asker, Compose};
use chance::Chance;
use http2::Http2;
use tally::Tally;
use target::Target;

use crate::room::{Room, wait_for};
use crate::visitor::Visitor;

/// How many are sent; `make soak` asks for more.
const INPUTS: u64 = 4_000;
/// Where all inputs begin. The same seed gives the same inputs; another gives others.
const SEED: u64 = 0x5eed_0001;
/// Who send at the same time.
const SENDERS: u64 = 8;
/// Memory is looked at when so many of a hundred inputs were sent.
const LOOKS: [u64; 3] = [30, 65, 100];
/// What memory may grow by after the first look, and after the second, in hundredths. There are books that are full after some
/// hundred thousand inputs and not before: what is told to listeners, what was refused to whom. So few as the tests send
/// do not fill even the caches: there it may be so many KiB.
const GROWTH: [u64; 2] = [20, 5];
const CACHES: u64 = 12 * 1024;
/// After the last password so much later the room for hashing is given back, and after a soak all that is free.
const RESTING: Duration = Duration::from_secs(6);
const RESTING_LONG: Duration = Duration::from_secs(20);
/// Between two questions of somebody who asks properly.
const PAUSE: Duration = Duration::from_millis(100);

/// Everything that is sent, each with its share of a hundred.
const KINDS: &[(&str, u64, Kind)] = &[
    ("http/1", 17, Kind::Alone(http1::send)),
    ("websocket", 3, Kind::Alone(socket::send)),
    ("http/2", 20, Kind::Http2),
    ("tls", 12, Kind::Alone(tls::send)),
    ("cookie", 10, Kind::Asked(asked::cookie)),
    ("credential", 10, Kind::Asked(asked::credential)),
    ("query", 6, Kind::Asked(asked::query)),
    ("json", 12, Kind::Asked(json::json)),
    ("form", 5, Kind::Asked(asked::form)),
    ("multipart", 2, Kind::Asked(asked::multipart)),
    ("link", 3, Kind::Alone(link::send)),
];

/// How a kind is sent.
#[derive(Clone, Copy)]
enum Kind {
    /// On a connection for each.
    Alone(fn(&Target, &mut Chance, &mut Tally)),
    /// As requests on connections that are kept.
    Asked(Compose),
    /// As frames on connections that are kept.
    Http2,
}

/// Says which input it was, if sending it went wrong.
struct Sending {
    kind: &'static str,
    number: u64,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- malformed {} number {}", self.kind, self.number);
        }
    }
}

#[test]
fn nothing_malformed_makes_the_program_fall_or_fail_or_grow() {
    let soaked = variable("WATCHROOM_SOAK_MALFORMED");
    let inputs = soaked.unwrap_or(INPUTS);
    let resting = soaked.map_or(RESTING, |_| RESTING_LONG);
    let seed = variable("WATCHROOM_SOAK_SEED").unwrap_or(SEED);
    let mut room = Room::empty();
    fs::write(room.configuration(), configuration()).unwrap();
    room.start();
    let target = Target::of(&room, usize::try_from(inputs).unwrap());
    room.add_user("vera", "admin");
    let vera = room.stranger().with_token(&room.token_of("vera"));

    let mut tally = Tally::default();
    let mut sizes = Vec::new();
    let mut sent = 0;
    for look in LOOKS {
        let until = inputs * look / 100;
        tally.add(send(&target, &vera, seed, sent..until));
        sent = until;
        sizes.push(Size::at_rest(&room, resting));
        println!("{sent} inputs of {inputs}: {:?}", sizes.last());
    }
    println!(
        "{} inputs, seed {seed:#x}: answers {:?}",
        tally.inputs, tally.answers
    );
    let is_small = |now: &Size| {
        sizes.iter().zip(GROWTH).all(|(before, growth)| {
            let most = soaked.map_or(CACHES, |_| before.memory_kib * growth / 100);
            now.memory_kib <= before.memory_kib + most && now.descriptors <= before.descriptors + 8
        })
    };
    wait_for("what was sent is forgotten", || {
        let now = Size::of(&room);
        is_small(&now).then_some(())
    });
    assert!(tally.inputs >= inputs, "{}", tally.inputs);
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n---\n"));
    let log = room.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.contains("rustls::"), "strangers fill the log: {log}");
    // Refused where they should be, and understood where they were not malformed after all.
    for status in [101, 200, 400, 401, 404, 421, 426] {
        assert!(
            tally.answers.contains_key(&status),
            "never {status}: {:?}",
            tally.answers
        );
    }
    let (status, _) = room.signal(rustix::process::Signal::TERM);
    assert!(status.success(), "{status}");
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Nothing is cut short by counting, and hands are shaken quickly.
fn configuration() -> String {
    let proxy = wire::PROXY;
    format!(
        "[tls]\nkey = \"ecdsa-p256\"\n[identity.second_factors]\nrequired_roles = []\n[shield]\ntrusted_proxies = [\"{proxy}\"]\nconnections_per_address = 2000\nhandshakes_at_once = 10000\nhandshakes_per_s = 1000\n\
         [shield.limits]\nanonymous = []\npresented = []\nsign_in = []\nsensitive = []\nstatic_files = []\nroutes = {{ nodes = [] }}\n"
    )
}

/// Sends these of all kinds, while somebody asks properly.
fn send(target: &Target, vera: &Visitor, seed: u64, numbers: Range<u64>) -> Tally {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            let mut answered = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(vera.get("/health").status, 200);
                let nodes = vera.get("/api/nodes");
                assert_eq!(nodes.status, 200, "{nodes:?}");
                answered += 1;
                std::thread::sleep(PAUSE);
            }
            answered
        });
        let senders = (0..SENDERS).map(|sender| {
            let numbers = numbers.clone();
            scope.spawn(move || {
                let mut tally = Tally::default();
                for (kind, share, how) in KINDS {
                    let mine = (numbers.start * share / 100..numbers.end * share / 100)
                        .filter(|number| number % SENDERS == sender);
                    send_kind(target, seed, kind, *how, mine, &mut tally);
                }
                tally
            })
        });
        let senders: Vec<_> = senders.collect();
        let mut tally = Tally::default();
        let mut failed = None;
        for sender in senders {
            match sender.join() {
                Ok(one) => tally.add(one),
                Err(why) => failed = Some(why),
            }
        }
        is_over.store(true, Ordering::Relaxed);
        if let Some(why) = failed {
            std::panic::resume_unwind(why);
        }
        assert!(asks.join().unwrap() > 0, "nobody asked properly");
        tally
    })
}

fn send_kind(
    target: &Target,
    seed: u64,
    kind: &'static str,
    how: Kind,
    numbers: impl Iterator<Item = u64>,
    tally: &mut Tally,
) {
    let mut http2 = Http2::default();
    let mut asker = match how {
        Kind::Asked(compose) => Some(Asker::new(compose)),
        _ => None,
    };
    for number in numbers {
        let mut chance = Chance::of(seed, kind, number);
        let _sending = Sending { kind, number };
        match (how, &mut asker) {
            (Kind::Alone(send), _) => send(target, &mut chance, tally),
            (Kind::Asked(_), Some(asker)) => asker.send(target, &mut chance, tally),
            (Kind::Asked(_), None) | (Kind::Http2, _) => http2.send(target, &mut chance, tally),
        }
    }
}

/// What the program holds.
#[derive(Clone, Copy, Debug)]
struct Size {
    memory_kib: u64,
    descriptors: usize,
}

impl Size {
    /// What it holds when it has given back what it gives back at rest.
    fn at_rest(room: &Room, resting: Duration) -> Self {
        std::thread::sleep(resting);
        Self::of(room)
    }

    fn of(room: &Room) -> Self {
        let process = format!("/proc/{}", room.process());
        let status = fs::read_to_string(format!("{process}/status")).unwrap();
        let own = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .unwrap();
        Self {
            memory_kib: own.split_whitespace().next().unwrap().parse().unwrap(),
            descriptors: fs::read_dir(format!("{process}/fd")).unwrap().count(),
        }
    }
}
