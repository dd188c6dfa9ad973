//! Password hashing: Argon2id (RFC 9106) on a few threads of its own, each reusing one block of memory.
//!
//! A hash takes tens of milliseconds of pure computing. It must run neither on the async threads, which
//! serve everybody else, nor on as many threads as there are sign-ins, which would take all memory: so
//! there are few threads, a short line, and a sign-in that finds it full is told to come back.

mod waiting;
mod worker;

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::Params;
use tokio::sync::oneshot;
use tokio::time::timeout;
use watchroom_kit::{Entropy, Fault, FaultKind, SecretString};

pub(crate) use self::waiting::Asking;
use self::waiting::{Line, Ticket};
use self::worker::Worker;
use crate::config::HashingRules;
use crate::network::Network;

/// Places in the line for who does not look like part of a flood, beyond those for anybody.
const KEPT_PLACES: usize = 4;

/// Why a password was not hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("the queue of the hash threads is full")]
    Busy,
    /// The hash threads are gone, or the algorithm refused: a defect or damage.
    #[error("the password could not be hashed: {0}")]
    Broken(String),
}

impl Fault for HashError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Busy => FaultKind::Unavailable,
            Self::Broken(_) => FaultKind::Internal,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Busy => "sign-in-busy",
            Self::Broken(_) => "internal",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Busy => "many people are signing in; try again in a few seconds".to_owned(),
            Self::Broken(_) => "something went wrong on our side; the log has the detail".to_owned(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        matches!(self, Self::Busy).then_some(5)
    }
}

/// Whether a password is the right one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    /// It is; with a stronger hash to store where the parameters have risen since.
    Right {
        stronger: Option<String>,
    },
}

/// The threads that hash.
#[derive(Debug)]
pub(crate) struct HashThreads {
    queue: SyncSender<Job>,
    line: Arc<Line>,
    busy_delay: Duration,
    /// What unknown names are checked against, so that they take as long as known ones.
    nobodys: Arc<str>,
}

/// What a thread is to do, and the place in the line that it frees.
struct Job {
    work: Work,
    ticket: Ticket,
}

/// A place in the line for one password, given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn(Ticket);

enum Work {
    Hash {
        password: SecretString,
        answer: oneshot::Sender<Result<String, HashError>>,
    },
    Verify {
        password: SecretString,
        against: Arc<str>,
        answer: oneshot::Sender<Result<Verdict, HashError>>,
    },
}

impl HashThreads {
    /// Starts the threads and computes nobody's hash.
    pub(crate) fn start(rules: &HashingRules, entropy: &Entropy) -> Result<Self, HashError> {
        let params = Params::new(rules.memory_kib, rules.passes, rules.lanes, None).map_err(broken)?;
        let mut first = Worker::new(params.clone(), entropy.clone());
        let nobodys = first.hash(&SecretString::from(entropy.token()))?.into();
        // Those being hashed hold their places too, so the line is as long as the queue and the threads.
        let open = usize::from(rules.queue) + usize::from(rules.threads);
        let (queue, jobs) = sync_channel(open + KEPT_PLACES);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..rules.threads {
            let worker = Worker::new(params.clone(), entropy.clone());
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || worker.run(&jobs))
                .map_err(broken)?;
        }
        Ok(Self {
            queue,
            line: Arc::new(Line::new(open, KEPT_PLACES)),
            busy_delay: Duration::from_millis(u64::from(rules.busy_delay_ms)),
            nobodys,
        })
    }

    /// A new hash of a password, as a PHC string.
    pub(crate) async fn hash(&self, password: SecretString, asking: Asking) -> Result<String, HashError> {
        let (answer, answered) = oneshot::channel();
        let turn = self.turn(asking).await?;
        self.enqueue(Work::Hash { password, answer }, turn)?;
        answered.await.map_err(broken)?
    }

    /// A place in the line, if there is one for whoever asks within a while. Whoever finds none is told so only then:
    /// answering at once would invite the next try at once.
    pub(crate) async fn turn(&self, asking: Asking) -> Result<Turn, HashError> {
        let place = timeout(self.busy_delay, self.line.wait(asking)).await;
        place.map(Turn).map_err(|_| HashError::Busy)
    }

    /// Whether `password` belongs to `hash`; without one it costs the same and is wrong.
    pub(crate) async fn verify(
        &self,
        turn: Turn,
        password: SecretString,
        hash: Option<Arc<str>>,
    ) -> Result<Verdict, HashError> {
        let is_somebodys = hash.is_some();
        let against = hash.unwrap_or_else(|| Arc::clone(&self.nobodys));
        let (answer, answered) = oneshot::channel();
        let work = Work::Verify {
            password,
            against,
            answer,
        };
        self.enqueue(work, turn)?;
        let verdict = answered.await.map_err(broken)??;
        Ok(if is_somebodys { verdict } else { Verdict::Wrong })
    }

    /// A password was wrong, from that network: of places it has those for anybody for a while.
    pub(crate) fn failed(&self, network: Network, now: i64) {
        self.line.failed(network, now);
    }

    fn enqueue(&self, work: Work, turn: Turn) -> Result<(), HashError> {
        let job = Job { work, ticket: turn.0 };
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => HashError::Busy,
            TrySendError::Disconnected(_) => HashError::Broken("the hash threads are gone".to_owned()),
        })
    }
}

fn broken(why: impl std::fmt::Display) -> HashError {
    HashError::Broken(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside() -> Asking {
        Asking::stranger(Network::Inside, 0)
    }

    fn threads(memory_kib: u32) -> HashThreads {
        let rules = HashingRules {
            memory_kib,
            passes: 1,
            busy_delay_ms: 0,
            ..HashingRules::default()
        };
        HashThreads::start(&rules, &Entropy::seeded(1)).unwrap()
    }

    async fn verify(threads: &HashThreads, password: &str, hash: Option<&str>) -> Result<Verdict, HashError> {
        let turn = threads.turn(inside()).await?;
        threads.verify(turn, password.into(), hash.map(Into::into)).await
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let threads = threads(64);
        let hash: Arc<str> = threads.hash("open sesame".into(), inside()).await.unwrap().into();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        let right = verify(&threads, "open sesame", Some(&hash)).await;
        assert_eq!(right, Ok(Verdict::Right { stronger: None }));
        let wrong = verify(&threads, "open barley", Some(&hash)).await;
        assert_eq!(wrong, Ok(Verdict::Wrong));
        assert_eq!(verify(&threads, "open sesame", None).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_hash_is_made_anew_when_the_parameters_have_risen() {
        let weak: Arc<str> = threads(64)
            .hash("open sesame".into(), inside())
            .await
            .unwrap()
            .into();
        let risen = threads(128);
        let Ok(Verdict::Right {
            stronger: Some(strong),
        }) = verify(&risen, "open sesame", Some(&weak)).await
        else {
            panic!("a stronger hash was due");
        };
        assert!(strong.contains("m=128"), "{strong}");
        let again = verify(&risen, "open sesame", Some(&strong)).await;
        assert_eq!(again, Ok(Verdict::Right { stronger: None }));
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        let broken = verify(&threads(64), "open sesame", Some("$argon2id$")).await;
        assert!(matches!(broken, Err(HashError::Broken(_))));
    }
}
