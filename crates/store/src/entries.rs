//! Entries as the table holds them, and as lines again.

use rusqlite::{Connection, Row};
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, Order, Query, SelectStatement};
use sea_orm::{DbBackend, Statement, StatementBuilder};
use serde_json::{Map, Value};
use std::net::IpAddr;
use time::OffsetDateTime;
use watchroom_audit::{Entry, Outcome, canonical_json, timestamp_text};
use watchroom_policy::EventType;

use crate::StoreError;
use crate::chain::stored;
use crate::refusal::classify;
use crate::rows::bound;

const COLUMNS: [&str; 15] = [
    "chain",
    "seq",
    "at",
    "event_type",
    "actor",
    "action",
    "resource",
    "result",
    "source_ip",
    "user_agent",
    "request_id",
    "decision_id",
    "extra",
    "prev_hash",
    "hash",
];

/// Which entries are wanted; absent members ask for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Not before this time.
    pub from: Option<OffsetDateTime>,
    /// Before this time.
    pub to: Option<OffsetDateTime>,
    /// By this person, as the log names them.
    pub user: Option<String>,
    /// Of this kind.
    pub event_type: Option<EventType>,
    /// This act.
    pub action: Option<String>,
    /// On this resource.
    pub resource: Option<String>,
    /// From this address.
    pub source_ip: Option<IpAddr>,
    /// With this end.
    pub result: Option<Outcome>,
    /// With this text in the user, act, resource, client or extra.
    pub text: Option<String>,
}

impl AuditFilter {
    /// Whether this asks for everything, so that the answer is a chain.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    fn narrow(&self, select: &mut SelectStatement) {
        let micros =
            |at: OffsetDateTime| i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        let equal = [
            ("actor", self.user.clone()),
            ("event_type", self.event_type.map(|kind| kind.word().to_owned())),
            ("action", self.action.clone()),
            ("resource", self.resource.clone()),
            ("source_ip", self.source_ip.map(|ip| ip.to_string())),
            ("result", self.result.map(|result| result.word().to_owned())),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                select.and_where(Expr::col(column).eq(value));
            }
        }
        if let Some(from) = self.from {
            select.and_where(Expr::col("at").gte(micros(from)));
        }
        if let Some(to) = self.to {
            select.and_where(Expr::col("at").lt(micros(to)));
        }
        if let Some(text) = &self.text {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let like = || LikeExpr::new(format!("%{escaped}%")).escape('\\');
            let found = ["action", "resource", "user_agent", "extra"]
                .into_iter()
                .fold(Expr::col("actor").like(like()), |found, column| {
                    found.or(Expr::col(column).like(like()))
                });
            select.and_where(found);
        }
    }
}

/// From where in the chain, and in which direction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// The newest first, below this place.
    Below(Option<u64>),
    /// The oldest first, above this place and no higher than the other.
    Above(u64, u64),
}

/// The select for a part of a chain.
pub(crate) fn select(chain: &str, filter: &AuditFilter, from: From, limit: u64) -> Statement {
    let mut select = Query::select();
    select
        .columns(COLUMNS)
        .from("entries")
        .and_where(Expr::col("chain").eq(chain))
        .limit(limit);
    match from {
        From::Below(below) => {
            if let Some(below) = below {
                select.and_where(Expr::col("seq").lt(stored(below)));
            }
            select.order_by("seq", Order::Desc);
        }
        From::Above(above, most) => {
            select
                .and_where(Expr::col("seq").gt(stored(above)))
                .and_where(Expr::col("seq").lte(stored(most)));
            select.order_by("seq", Order::Asc);
        }
    }
    filter.narrow(&mut select);
    StatementBuilder::build(&select, &DbBackend::Sqlite)
}

/// A row with its place, as the line it was written as. Rows that were tampered with give lines that no
/// longer verify, never an error, so that the verifier can name them.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) seq: u64,
    pub(crate) text: String,
}

/// The lines of a select.
pub(crate) fn lines(conn: &Connection, statement: Statement) -> Result<Vec<Line>, StoreError> {
    let cells = bound(statement.values)?;
    let mut prepared = conn
        .prepare_cached(&statement.sql)
        .map_err(|error| classify(&error))?;
    let rows = prepared
        .query_map(rusqlite::params_from_iter(cells), line)
        .and_then(Iterator::collect);
    rows.map_err(|error| classify(&error))
}

/// The entries of some lines, for showing.
pub(crate) fn read(lines: &[Line]) -> Result<Vec<Entry>, StoreError> {
    let entry = |line: &Line| {
        serde_json::from_str(&line.text).map_err(|error| {
            StoreError::Database(format!(
                "the audit entry {} is damaged ({error}); verify the chain",
                line.seq
            ))
        })
    };
    lines.iter().map(entry).collect()
}

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    let mut members = Map::new();
    for (at, column) in COLUMNS.into_iter().enumerate() {
        let cell: rusqlite::types::Value = row.get(at)?;
        let (name, value) = member(column, cell);
        members.insert(name.to_owned(), value);
    }
    let seq = members.get("seq").and_then(Value::as_u64).unwrap_or(0);
    Ok(Line {
        seq,
        text: canonical_json(&Value::Object(members)),
    })
}

fn member(column: &'static str, cell: rusqlite::types::Value) -> (&'static str, Value) {
    use rusqlite::types::Value as Cell;
    match (column, cell) {
        ("at", Cell::Integer(micros)) => {
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
            (
                "timestamp",
                at.map_or(Value::from(micros), |at| Value::from(timestamp_text(at))),
            )
        }
        ("actor", Cell::Text(text)) => ("user", Value::from(text)),
        ("extra", Cell::Text(text)) => {
            let parsed = serde_json::from_str::<Value>(&text)
                .ok()
                .filter(|value| canonical_json(value) == text);
            ("extra", parsed.unwrap_or(Value::String(text)))
        }
        (column, Cell::Integer(integer)) => (column, Value::from(integer)),
        (column, Cell::Text(text)) => (column, Value::from(text)),
        (column, Cell::Null) => (column, Value::Null),
        (column, Cell::Real(real)) => (column, Value::from(real)),
        (column, Cell::Blob(bytes)) => (column, Value::from(bytes)),
    }
}
