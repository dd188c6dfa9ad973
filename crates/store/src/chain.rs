//! The audit chain as the writer holds it: its head, and when the next checkpoint is due.
//!
//! Each replica of a database writes a chain of its own, so that no two ever wait for one head. A checkpoint
//! signs where all of them stood.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Order, Query};
use sea_orm::{Statement, StatementBuilder};
use watchroom_audit::{AuditKey, Checkpoint, Draft, Entry, Head, Kind, canonical_json};
use watchroom_kit::Ambient;

use crate::StoreError;
use crate::engine::{Connection, Row};
use crate::rows::Cell;

/// Entries after which a checkpoint is signed at the latest.
const ENTRIES: u64 = 1_000;
/// Time after which entries without a checkpoint get one.
const AGE: Duration = Duration::from_secs(60);

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
    /// Finds where the chain of that name stands, and puts it on the list of chains.
    pub(crate) fn load(conn: &dyn Connection, name: &str, ambient: &Ambient) -> Result<Self, StoreError> {
        list(conn, name, ambient.clock.now_micros())?;
        let head = head_of(conn, name)?;
        let mut signed = Query::select();
        signed
            .expr(Func::coalesce([Expr::col("seq").max(), Expr::value(0_i64)]))
            .from("checkpoints")
            .and_where(Expr::col("chain").eq(name));
        let signed = conn.query(built(conn, &signed))?.number()?;
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
    pub(crate) fn append(&mut self, conn: &dyn Connection, mut draft: Draft) -> Result<(), StoreError> {
        draft.timestamp = self.ambient.now();
        let entry = Entry::append(draft, &self.head);
        conn.insert(row(&entry))?;
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

    /// Signs the heads of all chains, ours first.
    pub(crate) fn checkpoint(&mut self, conn: &dyn Connection, key: &AuditKey) -> Result<(), StoreError> {
        let mut heads = vec![self.head.clone()];
        for chain in chains(conn)? {
            if chain != self.head.chain {
                heads.push(head_of(conn, &chain)?);
            }
        }
        let checkpoint = Checkpoint {
            kind: Kind::Periodic,
            count: heads.iter().map(|head| head.seq).sum(),
            heads,
            digest: None,
            time: self.ambient.now(),
        };
        conn.insert(Row {
            table: "checkpoints",
            columns: vec!["chain", "seq", "at", "line"],
            cells: vec![
                Cell::Text(self.head.chain.clone()),
                Cell::Integer(stored(self.head.seq)),
                Cell::Integer(self.ambient.clock.now_micros()),
                Cell::Text(checkpoint.sign(key).line()),
            ],
        })?;
        self.unsigned = 0;
        self.signed_at = self.ambient.clock.elapsed();
        self.is_wanted = false;
        Ok(())
    }
}

/// The names of all chains, in the order of the alphabet.
pub(crate) fn chains(conn: &dyn Connection) -> Result<Vec<String>, StoreError> {
    let mut select = Query::select();
    select
        .column("chain")
        .from("chains")
        .order_by("chain", Order::Asc);
    conn.query(built(conn, &select))?.texts()
}

/// Where a chain stands in the database.
pub(crate) fn head_of(conn: &dyn Connection, chain: &str) -> Result<Head, StoreError> {
    let mut select = Query::select();
    select
        .columns(["seq", "hash"])
        .from("entries")
        .and_where(Expr::col("chain").eq(chain))
        .order_by("seq", Order::Desc)
        .limit(1);
    let mut head = Head::start(chain);
    let mut rows = conn.query(built(conn, &select))?.rows;
    let Some(row) = rows.pop() else { return Ok(head) };
    let damaged = || {
        let why = format!("the last entry of the chain {chain} is damaged; restore a backup");
        StoreError::Database(why)
    };
    let [Cell::Integer(seq), Cell::Text(hash)] = row.as_slice() else {
        return Err(damaged());
    };
    head.seq = u64::try_from(*seq).map_err(|_| damaged())?;
    head.hash = hash.parse().map_err(|_| damaged())?;
    Ok(head)
}

fn list(conn: &dyn Connection, chain: &str, now_us: i64) -> Result<(), StoreError> {
    let mut insert = Query::insert();
    insert
        .into_table("chains")
        .columns(["chain", "started_at"])
        .values_panic([Expr::value(chain), Expr::value(now_us)])
        .on_conflict(OnConflict::column("chain").do_nothing().to_owned());
    conn.execute(built(conn, &insert)).map(drop)
}

pub(crate) fn built(conn: &dyn Connection, statement: &impl StatementBuilder) -> Statement {
    StatementBuilder::build(statement, &conn.engine().backend())
}

fn row(entry: &Entry) -> Row {
    let at = i64::try_from(entry.timestamp.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    let text = |text: &str| Cell::Text(text.to_owned());
    Row {
        table: "entries",
        columns: crate::entries::COLUMNS.to_vec(),
        cells: vec![
            text(&entry.chain),
            Cell::Integer(stored(entry.seq)),
            Cell::Integer(at),
            text(entry.event_type.word()),
            text(&entry.user),
            text(&entry.action),
            text(&entry.resource),
            text(entry.result.word()),
            entry.source_ip.map(|ip| ip.to_string()).into(),
            entry.user_agent.clone().into(),
            entry.request_id.map(|id| id.to_string()).into(),
            entry.decision_id.map(|id| id.to_string()).into(),
            Cell::Text(canonical_json(&serde_json::Value::Object(entry.extra.clone()))),
            Cell::Text(entry.prev_hash.to_string()),
            Cell::Text(entry.hash.to_string()),
        ],
    }
}

/// A place in the chain as the database holds it.
pub(crate) fn stored(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
