//! The node's own audit: who ordered what here, what was decided, what was done.
//!
//! Entries have the form and the hash chain of the Host's log (`watchroom-audit`), but the node writes them and
//! the Host never does: who holds the Host cannot make an order unhappen here. Each entry is durable before the
//! order it allows is carried out. They lie in segments, so that the log stays bounded; the oldest go first.
//!
//! The chain shows every entry that was changed, taken out of the middle, or put in. That the newest entries
//! were cut off shows only against the Host's own log, which names the same keys.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use watchroom_audit::{Digest, Draft, Entry, EntryError, Head, Outcome};
use watchroom_kit::{Journal, JournalError};
use watchroom_link::Envelope;
use watchroom_model::{Inquiry, Look, MachineOrder, NodeName, Order, OrderOutcome, ServerName, ServerOrder};
use watchroom_policy::EventType;

/// Entries in one segment: some 10 MiB.
const SEGMENT: u64 = 16_384;
/// Segments that are kept: what a busy node is ordered in a year.
const SEGMENTS: usize = 8;
/// Entries that are at hand for the node's own page.
const LATEST: usize = 50;

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A segment refuses.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder refuses.
    #[error("the folder {} cannot be used: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An entry is not as it was written, or not in its place.
    #[error("the entry at place {place} of the node's audit is not as it was written: {why}")]
    Damaged {
        /// Its place among those that are there, from 1.
        place: u64,
        /// What is wrong.
        why: String,
    },
}

/// The log, open at its end.
#[derive(Debug)]
pub(crate) struct Ledger {
    folder: PathBuf,
    segment: Journal,
    in_segment: u64,
    head: Head,
    latest: VecDeque<Entry>,
}

impl Ledger {
    /// Opens the log below `folder`, or begins the chain of the node of this name.
    pub(crate) fn open(folder: &Path, name: &NodeName) -> Result<Self, LedgerError> {
        let unusable = |source| LedgerError::Folder {
            folder: folder.to_owned(),
            source,
        };
        watchroom_kit::files::private_folder(folder)
            .map_err(|error| unusable(std::io::Error::other(error.to_string())))?;
        let newest = segments(folder)?.pop().unwrap_or_else(|| path(folder, 1));
        let (segment, lines) = Journal::open(&newest)?;
        let head = match lines.last() {
            Some(line) => read(line, lines.len() as u64)?.head(),
            None => before(folder, &newest)?.unwrap_or_else(|| Head::start(format!("node:{name}"))),
        };
        let older = lines.len().saturating_sub(LATEST);
        // What was changed on disk is found by `NodeAudit::read`; it is nothing to show as if it were so.
        let latest = lines.iter().skip(older).filter_map(|line| Entry::read(line).ok());
        Ok(Self {
            folder: folder.to_owned(),
            segment,
            in_segment: lines.len() as u64,
            head,
            latest: latest.collect(),
        })
    }

    /// Writes an entry down. Durable when it returns.
    pub(crate) fn write(&mut self, draft: Draft) -> Result<(), LedgerError> {
        if self.in_segment >= SEGMENT {
            self.turn_over()?;
        }
        let entry = Entry::append(draft, &self.head);
        self.segment.append(entry.line().as_bytes())?;
        self.head = entry.head();
        self.in_segment += 1;
        self.latest.push_back(entry);
        if self.latest.len() > LATEST {
            self.latest.pop_front();
        }
        Ok(())
    }

    /// The last entries, newest first.
    pub(crate) fn latest(&self) -> Vec<Entry> {
        self.latest.iter().rev().cloned().collect()
    }

    fn turn_over(&mut self) -> Result<(), LedgerError> {
        let (segment, _) = Journal::open(&path(&self.folder, self.head.seq + 1))?;
        self.segment = segment;
        self.in_segment = 0;
        let all = segments(&self.folder)?;
        for old in all.iter().take(all.len().saturating_sub(SEGMENTS)) {
            fs::remove_file(old).map_err(|source| LedgerError::Folder {
                folder: self.folder.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

/// The head behind the segment before this one; a segment may be new and empty.
fn before(folder: &Path, segment: &Path) -> Result<Option<Head>, LedgerError> {
    let Some(earlier) = segments(folder)?.into_iter().rfind(|other| other != segment) else {
        return Ok(None);
    };
    let (_, lines) = Journal::open(&earlier)?;
    lines
        .last()
        .map(|line| read(line, lines.len() as u64).map(|entry| entry.head()))
        .transpose()
}

fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:012}.journal"))
}

/// The segments, oldest first: they are named by the place of their first entry.
fn segments(folder: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let unusable = |source| LedgerError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(line: &[u8], place: u64) -> Result<Entry, LedgerError> {
    Entry::read(line).map_err(|error: EntryError| LedgerError::Damaged {
        place,
        why: error.to_string(),
    })
}

/// A node's own audit as it lies on disk, for people to read and verify; no agent needs to run.
#[derive(Debug)]
pub struct NodeAudit {
    /// The entries that are kept, oldest first.
    pub entries: Vec<Entry>,
}

impl NodeAudit {
    /// Reads and verifies the audit of the node whose agent has its state in `state`: every entry is as it was
    /// written and follows the one before it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] with the first entry that is not so, or what the system said.
    pub fn read(state: &Path) -> Result<Self, LedgerError> {
        let folder = folder(state);
        if !folder.exists() {
            return Ok(Self { entries: Vec::new() });
        }
        let mut entries: Vec<Entry> = Vec::new();
        for segment in segments(&folder)? {
            for line in Journal::open(&segment)?.1 {
                let place = entries.len() as u64 + 1;
                let entry = read(&line, place)?;
                let damaged = |why: &str| LedgerError::Damaged {
                    place,
                    why: why.to_owned(),
                };
                match entries.last() {
                    Some(last) if entry.prev_hash != last.hash || entry.seq != last.seq + 1 => {
                        return Err(damaged("it does not follow the entry before it"));
                    }
                    None if entry.seq == 1 && entry.prev_hash != Digest::ZERO => {
                        return Err(damaged("it claims to be the first and is not"));
                    }
                    _ => entries.push(entry),
                }
            }
        }
        Ok(Self { entries })
    }
}

/// Where the audit lies in an agent's folder.
pub(crate) fn folder(state: &Path) -> PathBuf {
    state.join("audit")
}

/// An entry about an order, at one step of its way.
pub(crate) fn about(envelope: &Envelope, phase: &str, result: Outcome, now: OffsetDateTime) -> Draft {
    let mut extra = Map::new();
    extra.insert("phase".to_owned(), Value::from(phase));
    // Not "key": what is called so is redacted.
    extra.insert("order".to_owned(), Value::from(envelope.key.clone()));
    extra.insert("by".to_owned(), Value::from(envelope.by.clone()));
    if let Order::Server(ServerOrder::SendLine { line, .. }) = &envelope.order {
        extra.insert("line".to_owned(), Value::from(line.clone()));
    }
    Draft {
        timestamp: now,
        event_type: match result {
            Outcome::Denied => EventType::AuthzDenied,
            Outcome::Success | Outcome::Failure => EventType::Audit,
        },
        user: envelope.principal.clone(),
        action: action(&envelope.order).to_owned(),
        resource: resource(&envelope.order),
        result,
        source_ip: None,
        user_agent: None,
        request_id: None,
        decision_id: Some(envelope.decision),
        extra,
    }
}

/// What became of an order.
pub(crate) fn done(envelope: &Envelope, outcome: &OrderOutcome, now: OffsetDateTime) -> Draft {
    let (result, word) = match outcome {
        OrderOutcome::Done { .. } => (Outcome::Success, "done".to_owned()),
        OrderOutcome::AlreadySo { .. } => (Outcome::Success, "already so".to_owned()),
        OrderOutcome::GoesDown { stopped, left } => (Outcome::Success, goes_down(stopped, left)),
        OrderOutcome::Refused { code, why } => (Outcome::Failure, format!("refused ({code}): {why}")),
    };
    let mut draft = about(envelope, "done", result, now);
    draft.extra.insert("outcome".to_owned(), Value::from(word));
    draft
}

/// What was not done, and why.
pub(crate) fn denied(envelope: &Envelope, why: &str, now: OffsetDateTime) -> Draft {
    let mut draft = about(envelope, "decided", Outcome::Denied, now);
    draft.extra.insert("why".to_owned(), Value::from(why));
    draft
}

/// What was not shown, and why.
pub(crate) fn not_shown(inquiry: &Inquiry, why: &str, now: OffsetDateTime) -> Draft {
    let (action, resource) = match inquiry.look {
        Look::Status => ("machine.ping", "machine".to_owned()),
        Look::Metrics { .. } => ("machine.metrics", "machine".to_owned()),
        Look::Jail => ("fail2ban.list", "machine".to_owned()),
        Look::Console { server, .. } => ("server.console.read", format!("server:{server}")),
    };
    let extra = [("phase", "decided"), ("by", &inquiry.asker.by), ("why", why)];
    Draft {
        timestamp: now,
        event_type: EventType::AuthzDenied,
        user: inquiry.asker.principal.clone(),
        action: action.to_owned(),
        resource,
        result: Outcome::Denied,
        source_ip: None,
        user_agent: None,
        request_id: None,
        decision_id: Some(inquiry.asker.decision),
        extra: extra
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .into_iter()
            .collect(),
    }
}

/// What was not heard of bans, and why. Nobody has proven to be behind it.
pub(crate) fn not_heard(why: &str, now: OffsetDateTime) -> Draft {
    let extra = [("phase", "decided"), ("why", why)];
    Draft {
        timestamp: now,
        event_type: EventType::AuthzDenied,
        user: "anonymous".to_owned(),
        action: "machine.bans".to_owned(),
        resource: "machine".to_owned(),
        result: Outcome::Denied,
        source_ip: None,
        user_agent: None,
        request_id: None,
        decision_id: None,
        extra: extra
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .into_iter()
            .collect(),
    }
}

const fn action(order: &Order) -> &'static str {
    match order {
        Order::Server(ServerOrder::Create(_)) => "server.create",
        Order::Server(ServerOrder::Remove(_)) => "server.remove",
        Order::Server(ServerOrder::Start(_)) => "server.start",
        Order::Server(ServerOrder::Stop(_)) => "server.stop",
        Order::Server(ServerOrder::Restart(_)) => "server.restart",
        Order::Server(ServerOrder::SendLine { .. }) => "server.console.send",
        Order::Machine(MachineOrder::Restart) => "machine.restart",
        Order::Machine(MachineOrder::ShutDown) => "machine.shut_down",
        Order::Machine(MachineOrder::StayUp) => "machine.stay_up",
        Order::Machine(MachineOrder::Unjail { .. }) => "fail2ban.lift",
    }
}

fn resource(order: &Order) -> String {
    match order {
        Order::Server(order) => format!("server:{}", order.server()),
        Order::Machine(_) => "machine".to_owned(),
    }
}

fn goes_down(stopped: &[ServerName], left: &[ServerName]) -> String {
    let names = |names: &[ServerName]| {
        names
            .iter()
            .map(ServerName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (stopped, left) {
        ([], []) => "goes down; no server ran".to_owned(),
        (stopped, []) => format!("goes down; stopped first: {}", names(stopped)),
        ([], left) => format!("goes down; still running: {}", names(left)),
        (stopped, left) => format!(
            "goes down; stopped first: {}; still running: {}",
            names(stopped),
            names(left)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use watchroom_kit::Ambient;
    use watchroom_model::{DecisionId, ServerId};

    use super::*;

    fn order(ambient: &Ambient, key: &str) -> Envelope {
        Envelope {
            key: key.to_owned(),
            order: ServerOrder::Start(ServerId::mint(ambient)).into(),
            principal: "user:alice".to_owned(),
            by: "alice".to_owned(),
            decision: DecisionId::mint(ambient),
            deadline: Duration::from_secs(5),
        }
    }

    fn write(state: &Path, ambient: &Ambient, keys: std::ops::Range<u64>) {
        let mut ledger = Ledger::open(&folder(state), &"attic".parse().unwrap()).unwrap();
        for key in keys {
            let order = order(ambient, &key.to_string());
            ledger
                .write(about(&order, "decided", Outcome::Success, ambient.now()))
                .unwrap();
        }
    }

    #[test]
    fn the_chain_goes_on_over_a_restart_and_every_change_in_it_is_found() {
        let (state, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        assert!(NodeAudit::read(state.path()).unwrap().entries.is_empty());
        write(state.path(), &ambient, 0..3);
        write(state.path(), &ambient, 3..5);
        let audit = NodeAudit::read(state.path()).unwrap();
        let seen: Vec<_> = audit
            .entries
            .iter()
            .map(|entry| (entry.seq, entry.extra["order"].as_str().unwrap()))
            .collect();
        assert_eq!(seen, [(1, "0"), (2, "1"), (3, "2"), (4, "3"), (5, "4")]);
        assert!(audit.entries.iter().all(|entry| entry.chain == "node:attic"));

        // Somebody who knows the form of a journal rewrites it: without one entry, then with two in one's place.
        let lines: Vec<_> = audit.entries.iter().map(Entry::line).collect();
        let file = path(&folder(state.path()), 1);
        let rewritten = |lines: &[&String]| {
            let (mut journal, _) = Journal::open(&file).unwrap();
            journal.rewrite(lines.iter().map(|line| line.as_bytes())).unwrap();
            NodeAudit::read(state.path()).map(|audit| audit.entries.len())
        };
        assert!(matches!(
            rewritten(&[&lines[0], &lines[2], &lines[3]]),
            Err(LedgerError::Damaged { place: 2, .. })
        ));
        assert!(matches!(
            rewritten(&[&lines[0], &lines[2], &lines[1]]),
            Err(LedgerError::Damaged { place: 2, .. })
        ));
        let edited = lines[1].replace("alice", "mallet");
        assert!(matches!(
            rewritten(&[&lines[0], &edited, &lines[2]]),
            Err(LedgerError::Damaged { place: 2, .. })
        ));
        assert!(matches!(rewritten(&[&lines[0], &lines[1], &lines[2]]), Ok(3)));
    }

    #[test]
    fn the_log_stays_bounded_and_what_is_left_still_proves_itself() {
        let (state, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        let folder = folder(state.path());
        let mut ledger = Ledger::open(&folder, &"attic".parse().unwrap()).unwrap();
        let order = order(&ambient, "k");
        for _ in 0..SEGMENTS + 3 {
            ledger
                .write(about(&order, "decided", Outcome::Success, ambient.now()))
                .unwrap();
            ledger.in_segment = SEGMENT;
        }
        drop(ledger);
        let audit = NodeAudit::read(state.path()).unwrap();
        assert_eq!(audit.entries.len(), SEGMENTS);
        assert_eq!(audit.entries[0].seq, 4);
        // A segment that was begun and got no entry: the power went in between.
        Journal::open(&path(&folder, 100)).unwrap();
        write(state.path(), &ambient, 0..1);
        assert_eq!(
            NodeAudit::read(state.path())
                .unwrap()
                .entries
                .last()
                .map(|entry| entry.seq),
            Some(12)
        );
    }
}
