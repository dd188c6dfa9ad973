//! What the agent must not forget: its servers, how they stand, and every order with its answer.
//!
//! An order is written down before it is carried out and its answer after; both are durable when the
//! call returns. The journal is made short at open and whenever it has grown well beyond what it holds.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use watchroom_kit::{Journal, JournalError};
use watchroom_link::Envelope;
use watchroom_model::{OrderOutcome, ServerId};

use crate::supervisor::standing::{Kept, Standing};

/// How long an answer is given again for the same key.
pub(crate) const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Records beyond those needed after which the journal is rewritten.
const SURPLUS: usize = 4_096;

/// One line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(crate) enum Record {
    /// A server is kept from now on.
    Kept(Box<Kept>),
    /// How it stands.
    Stands {
        /// Which server.
        id: ServerId,
        /// How.
        standing: Box<Standing>,
    },
    /// It is kept no more.
    Dropped {
        /// Which server.
        id: ServerId,
    },
    /// An order is about to be carried out.
    Ordered(Box<Ordered>),
    /// It was answered.
    Answered {
        /// The order's key.
        key: String,
        /// Tells whether the same key comes with another order.
        print: String,
        /// The answer.
        outcome: OrderOutcome,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// The last account given to a server, so that it is not given again soon.
    LastAccount {
        /// Its user id.
        uid: u32,
    },
    /// Who the machine is, as it has signed it.
    Role {
        /// The statement.
        text: String,
    },
}

/// An order under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ordered {
    /// The order and all that came with it.
    pub envelope: Envelope,
    /// The server's run when it was ordered: a restart that has happened shows by another one.
    pub run: Option<Uuid>,
    /// The machine's boot when it was ordered to go down: that it did shows by another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// An answer that was given.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The order's fingerprint.
    pub print: String,
    /// The answer.
    pub outcome: OrderOutcome,
    /// When.
    pub at: OffsetDateTime,
}

/// Everything the journal says, taken together.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The servers.
    pub servers: BTreeMap<ServerId, (Kept, Standing)>,
    /// Answers by key.
    pub answers: HashMap<String, Answer>,
    /// Orders without an answer, by key.
    pub ordered: BTreeMap<String, Ordered>,
    /// The last account given.
    pub last_account: Option<u32>,
    /// Who the machine is, as it has signed it.
    pub role: Option<String>,
}

impl Known {
    fn learn(&mut self, record: Record) {
        match record {
            Record::Kept(kept) => {
                let standing = Standing::new("nobody yet");
                self.servers.insert(kept.spec.id, (*kept, standing));
            }
            Record::Stands { id, standing } => {
                if let Some((_, stands)) = self.servers.get_mut(&id) {
                    *stands = *standing;
                }
            }
            Record::Dropped { id } => drop(self.servers.remove(&id)),
            Record::Ordered(ordered) => drop(self.ordered.insert(ordered.envelope.key.clone(), *ordered)),
            Record::Answered {
                key,
                print,
                outcome,
                at,
            } => {
                self.ordered.remove(&key);
                self.answers.insert(key, Answer { print, outcome, at });
            }
            Record::LastAccount { uid } => self.last_account = Some(uid),
            Record::Role { text } => self.role = Some(text),
        }
    }

    /// Forgets answers that nobody will ask for any more.
    fn expire(&mut self, now: OffsetDateTime) {
        self.answers.retain(|_, answer| now - answer.at < ANSWERS_KEPT);
    }

    /// The fewest records that say the same.
    fn records(&self) -> Vec<Record> {
        let servers = self.servers.iter().flat_map(|(id, (kept, standing))| {
            [
                Record::Kept(Box::new(kept.clone())),
                Record::Stands {
                    id: *id,
                    standing: Box::new(standing.clone()),
                },
            ]
        });
        let answers = self.answers.iter().map(|(key, answer)| Record::Answered {
            key: key.clone(),
            print: answer.print.clone(),
            outcome: answer.outcome.clone(),
            at: answer.at,
        });
        let ordered = self
            .ordered
            .values()
            .map(|ordered| Record::Ordered(Box::new(ordered.clone())));
        let last = self.last_account.map(|uid| Record::LastAccount { uid });
        let role = self.role.clone().map(|text| Record::Role { text });
        servers
            .chain(answers)
            .chain(ordered)
            .chain(last)
            .chain(role)
            .collect()
    }
}

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemoryError {
    /// The journal refuses.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is whole but of no form we know: written by a newer version.
    #[error("the node's journal was written by another version ({0}); use that version, or a newer one")]
    Foreign(#[from] serde_json::Error),
}

/// The journal, and what it says.
#[derive(Debug)]
pub(crate) struct Memory {
    journal: Journal,
    /// What it says.
    pub known: Known,
    len: usize,
}

impl Memory {
    /// Opens the journal at `path` and makes it short.
    pub(crate) fn open(path: &Path, now: OffsetDateTime) -> Result<Self, MemoryError> {
        let (journal, lines) = Journal::open(path)?;
        let mut known = Known::default();
        for line in &lines {
            known.learn(serde_json::from_slice(line)?);
        }
        let mut memory = Self {
            journal,
            known,
            len: lines.len(),
        };
        memory.compact(now)?;
        Ok(memory)
    }

    /// Writes a record down and learns it. Durable when it returns.
    pub(crate) fn note(&mut self, record: Record, now: OffsetDateTime) -> Result<(), MemoryError> {
        self.journal.append(&serde_json::to_vec(&record)?)?;
        self.known.learn(record);
        self.len += 1;
        if self.len > SURPLUS + 2 * (self.known.servers.len() + self.known.answers.len()) {
            self.compact(now)?;
        }
        Ok(())
    }

    fn compact(&mut self, now: OffsetDateTime) -> Result<(), MemoryError> {
        self.known.expire(now);
        let records = self.known.records();
        if records.len() == self.len {
            return Ok(());
        }
        let lines = records
            .iter()
            .map(serde_json::to_vec)
            .collect::<Result<Vec<_>, _>>()?;
        self.journal.rewrite(lines.iter().map(Vec::as_slice))?;
        self.len = lines.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use watchroom_kit::Ambient;
    use watchroom_model::{DecisionId, ServerOrder};

    use super::*;

    #[test]
    fn answers_are_given_for_a_day_and_orders_without_one_are_remembered() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("journal");
        let ambient = Ambient::system();
        let now = datetime!(2026-01-01 12:00 UTC);
        let envelope = |key: &str| Envelope {
            key: key.into(),
            order: ServerOrder::Start(ServerId::mint(&ambient)).into(),
            principal: "user:alice".into(),
            by: "alice".into(),
            decision: DecisionId::mint(&ambient),
            deadline: Duration::from_secs(5),
        };
        let mut memory = Memory::open(&path, now).unwrap();
        for key in ["answered", "open"] {
            memory
                .note(
                    Record::Ordered(Box::new(Ordered {
                        envelope: envelope(key),
                        run: None,
                        boot: None,
                        at: now,
                    })),
                    now,
                )
                .unwrap();
        }
        let outcome = OrderOutcome::Done { report: None };
        let answered = Record::Answered {
            key: "answered".into(),
            print: "p".into(),
            outcome,
            at: now,
        };
        memory.note(answered, now).unwrap();
        drop(memory);
        let memory = Memory::open(&path, now + Duration::from_secs(3_600)).unwrap();
        assert!(memory.known.answers.contains_key("answered"));
        assert_eq!(memory.known.ordered.keys().collect::<Vec<_>>(), ["open"]);
        drop(memory);
        let memory = Memory::open(&path, now + ANSWERS_KEPT).unwrap();
        assert!(memory.known.answers.is_empty());
        assert_eq!(memory.len, 1);
    }
}
