//! Somebody who is signed in and asks for one thing after the other, whatever else goes on.

use std::time::{Duration, Instant};

use crate::load::{Requests, Way, Wire, runtime};
use crate::room::{REQUESTS_PER_TOKEN, Room};

/// How often it asks.
const EVERY: Duration = Duration::from_millis(10);
/// Before waiting is measured, a flood has risen.
const RISING: Duration = Duration::from_secs(1);
/// Questions in the stretches of the longest flood, and a little more.
const QUESTIONS: usize = 11_000;

pub struct Probe {
    way: Way,
    authority: String,
    requests: Requests,
}

/// How long it waited, and how often in vain.
#[derive(Default)]
pub struct Watched {
    waits: Vec<Duration>,
    pub errors: usize,
}

impl Watched {
    pub fn add(&mut self, other: Self) {
        self.waits.extend(other.waits);
        self.errors += other.errors;
    }

    pub fn asked(&self) -> usize {
        self.waits.len() + self.errors
    }

    /// The time within which 99 of 100 answers came.
    pub fn p99(&self) -> Duration {
        let mut sorted = self.waits.clone();
        sorted.sort();
        sorted
            .get(sorted.len() * 99 / 100)
            .copied()
            .unwrap_or(Duration::MAX)
    }
}

impl Probe {
    pub fn new(room: &Room) -> Self {
        let tokens = room.tokens(QUESTIONS / REQUESTS_PER_TOKEN);
        let way = Way::Tls(room.client());
        Self {
            authority: room.authority(),
            requests: Requests::with_tokens(&way, &room.authority(), "/api/nodes", &tokens),
            way,
        }
    }

    /// Asks for so long, on a connection that it opens again if it must, while something else is done.
    pub fn watch(&self, time: Duration, meanwhile: impl FnOnce()) -> Watched {
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| self.ask(time));
            meanwhile();
            asking.join().unwrap()
        })
    }

    fn ask(&self, time: Duration) -> Watched {
        std::thread::sleep(RISING);
        let mut watched = Watched::default();
        runtime().block_on(async {
            let mut wire = Wire::open(&self.way, &self.authority).await.unwrap();
            let mut due = Instant::now();
            let end = due + time;
            while due < end {
                tokio::time::sleep_until(due.into()).await;
                let request = self.requests.next().unwrap();
                let began = Instant::now();
                match wire.hear(request).await {
                    Ok((200, ..)) => watched.waits.push(began.elapsed()),
                    Ok(_) => watched.errors += 1,
                    Err(_) => {
                        watched.errors += 1;
                        wire = Wire::open(&self.way, &self.authority).await.unwrap();
                    }
                }
                // Who waited long does not ask more often afterwards.
                due = (due + EVERY).max(Instant::now());
            }
        });
        watched
    }
}
