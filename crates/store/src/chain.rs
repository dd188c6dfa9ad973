//! The audit chain as the writer holds it: its head, and when the next checkpoint is due.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use watchroom_audit::{AuditKey, Checkpoint, Draft, Entry, Head, Kind, canonical_json};
use watchroom_kit::Ambient;

use crate::StoreError;
use crate::refusal::classify;

/// Entries after which a checkpoint is signed at the latest.
const ENTRIES: u64 = 1_000;
/// Time after which entries without a checkpoint get one.
const AGE: Duration = Duration::from_secs(60);
const APPEND: &str = "INSERT INTO entries (chain, seq, at, event_type, actor, action, resource, result, source_ip, \
                      user_agent, request_id, decision_id, extra, prev_hash, hash) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// The head of our chain. Cloned before what may be undone, and put back after.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    head: Head,
    ambient: Ambient,
    /// Entries since the last checkpoint.
    unsigned: u64,
    signed_at: Duration,
    is_wanted: bool,
}

impl Chain {
    /// Finds the chain of this database, or begins it.
    pub(crate) fn load(conn: &Connection, ambient: &Ambient) -> Result<Self, StoreError> {
        let mut head = Head::start(name(conn, ambient).map_err(|error| classify(&error))?);
        let last = "SELECT seq, hash FROM entries WHERE chain = ?1 ORDER BY seq DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let found = conn
            .query_row(last, [&head.chain], read)
            .optional()
            .map_err(|error| classify(&error))?;
        if let Some((seq, hash)) = found {
            let damaged =
                || StoreError::Database("the last audit entry is damaged; restore a backup".to_owned());
            head.seq = u64::try_from(seq).map_err(|_| damaged())?;
            head.hash = hash.parse().map_err(|_| damaged())?;
        }
        let signed = "SELECT coalesce(max(seq), 0) FROM checkpoints WHERE chain = ?1";
        let signed: i64 = conn
            .query_row(signed, [&head.chain], |row| row.get(0))
            .map_err(|error| classify(&error))?;
        let unsigned = head.seq.saturating_sub(u64::try_from(signed).unwrap_or(0));
        Ok(Self {
            head,
            ambient: ambient.clone(),
            unsigned,
            signed_at: ambient.clock.elapsed(),
            is_wanted: false,
        })
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Adds an entry behind the head.
    pub(crate) fn append(&mut self, conn: &Connection, mut draft: Draft) -> Result<(), StoreError> {
        draft.timestamp = self.ambient.now();
        let entry = Entry::append(draft, &self.head);
        insert(conn, &entry).map_err(|error| classify(&error))?;
        self.head = entry.head();
        self.unsigned += 1;
        Ok(())
    }

    /// Asks for a checkpoint even if none is due yet.
    pub(crate) fn want_checkpoint(&mut self) {
        self.is_wanted = true;
    }

    /// Whether there are entries that should be signed by now.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        let is_old = self.ambient.clock.elapsed().saturating_sub(self.signed_at) >= AGE;
        self.unsigned > 0 && (self.is_wanted || is_old || self.unsigned >= ENTRIES)
    }

    /// Signs the head.
    pub(crate) fn checkpoint(&mut self, conn: &Connection, key: &AuditKey) -> Result<(), StoreError> {
        let checkpoint = Checkpoint {
            kind: Kind::Periodic,
            heads: vec![self.head.clone()],
            count: self.head.seq,
            digest: None,
            time: self.ambient.now(),
        };
        let line = checkpoint.sign(key).line();
        let sql = "INSERT INTO checkpoints (chain, seq, at, line) VALUES (?1, ?2, ?3, ?4)";
        let at = self.ambient.clock.now_micros();
        conn.prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![self.head.chain, stored(self.head.seq), at, line])
            })
            .map_err(|error| classify(&error))?;
        self.unsigned = 0;
        self.signed_at = self.ambient.clock.elapsed();
        self.is_wanted = false;
        Ok(())
    }
}

fn insert(conn: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let at = i64::try_from(entry.timestamp.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    conn.prepare_cached(APPEND)?.execute(params![
        entry.chain,
        stored(entry.seq),
        at,
        entry.event_type.word(),
        entry.user,
        entry.action,
        entry.resource,
        entry.result.word(),
        entry.source_ip.map(|ip| ip.to_string()),
        entry.user_agent,
        entry.request_id.map(|id| id.to_string()),
        entry.decision_id.map(|id| id.to_string()),
        canonical_json(&serde_json::Value::Object(entry.extra.clone())),
        entry.prev_hash.to_string(),
        entry.hash.to_string(),
    ])?;
    Ok(())
}

/// A place in the chain as the database holds it.
pub(crate) fn stored(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The chain's name, made at the first start.
fn name(conn: &Connection, ambient: &Ambient) -> rusqlite::Result<String> {
    let fresh = ambient.uuid().to_string();
    conn.execute(
        "INSERT INTO host (key, value) VALUES ('audit_chain', ?1) ON CONFLICT (key) DO NOTHING",
        [fresh],
    )?;
    conn.query_row("SELECT value FROM host WHERE key = 'audit_chain'", [], |row| {
        row.get(0)
    })
}
