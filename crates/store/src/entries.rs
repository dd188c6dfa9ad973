//! Entries as the table holds them, and as lines again.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, Order, Query, SelectStatement};
use serde_json::{Map, Value};
use std::net::IpAddr;
use time::OffsetDateTime;
use watchroom_audit::{Entry, Outcome, canonical_json, timestamp_text};
use watchroom_model::DecisionId;
use watchroom_policy::EventType;

use crate::StoreError;
use crate::chain::{built, stored};
use crate::engine::Connection;
use crate::rows::Cell;

pub(crate) const COLUMNS: [&str; 15] = [
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
    /// Of this decision.
    pub decision: Option<DecisionId>,
    /// With this text in the user, act, resource, client or extra.
    pub text: Option<String>,
}

impl AuditFilter {
    /// Whether this asks for everything, so that the answer is a chain.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether no entry can match: PostgreSQL keeps no text with a NUL, and refuses to be asked for one.
    fn is_vain(&self) -> bool {
        let texts = [&self.user, &self.action, &self.resource, &self.text];
        texts.into_iter().flatten().any(|text| text.contains('\0'))
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
            ("decision_id", self.decision.map(|decision| decision.to_string())),
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
            // Letters count whatever their case, on both engines.
            let text = text.to_ascii_lowercase();
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let like = || LikeExpr::new(format!("%{escaped}%")).escape('\\');
            let found = ["action", "resource", "user_agent", "extra"]
                .into_iter()
                .fold(folded("actor").like(like()), |found, column| {
                    found.or(folded(column).like(like()))
                });
            select.and_where(found);
        }
    }
}

fn folded(column: &'static str) -> Expr {
    Func::lower(Expr::col(column)).into()
}

/// A place in the log as a whole: among all chains, by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: i64,
    pub(crate) chain: String,
    pub(crate) seq: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.at, self.seq, self.chain)
    }
}

impl std::str::FromStr for Place {
    type Err = watchroom_model::PageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || watchroom_model::PageError::Cursor;
        let mut parts = text.splitn(3, ' ');
        let mut next = || parts.next().ok_or_else(wrong);
        Ok(Self {
            at: next()?.parse().map_err(|_| wrong())?,
            seq: next()?.parse().map_err(|_| wrong())?,
            chain: next()?.to_owned(),
        })
    }
}

/// Entries of all chains, the newest first, below a place.
pub(crate) fn newest(
    conn: &dyn Connection,
    filter: &AuditFilter,
    below: Option<&Place>,
    limit: u64,
) -> Result<Vec<Line>, StoreError> {
    let mut select = Query::select();
    let order = ["at", "chain", "seq"];
    select.columns(COLUMNS).from("entries").limit(limit);
    for column in order {
        select.order_by(column, Order::Desc);
    }
    if let Some(place) = below {
        let place = [
            Expr::value(place.at),
            Expr::value(place.chain.clone()),
            Expr::value(stored(place.seq)),
        ];
        select.and_where(Expr::tuple(order.map(Expr::col)).lt(Expr::tuple(place)));
    }
    lines(conn, filter, select)
}

/// Entries of one chain in order, above one place and no higher than another.
pub(crate) fn between(
    conn: &dyn Connection,
    chain: &str,
    filter: &AuditFilter,
    (above, most): (u64, u64),
    limit: u64,
) -> Result<Vec<Line>, StoreError> {
    let mut select = Query::select();
    select
        .columns(COLUMNS)
        .from("entries")
        .and_where(Expr::col("chain").eq(chain))
        .and_where(Expr::col("seq").gt(stored(above)))
        .and_where(Expr::col("seq").lte(stored(most)))
        .order_by("seq", Order::Asc)
        .limit(limit);
    lines(conn, filter, select)
}

fn lines(
    conn: &dyn Connection,
    filter: &AuditFilter,
    mut select: SelectStatement,
) -> Result<Vec<Line>, StoreError> {
    if filter.is_vain() {
        return Ok(Vec::new());
    }
    filter.narrow(&mut select);
    let rows = conn.query(built(conn, &select))?.rows;
    Ok(rows.into_iter().map(line).collect())
}

/// A row with its place, as the line it was written as. Rows that were tampered with give lines that no
/// longer verify, never an error, so that the verifier can name them.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// The entries of some lines, for showing.
pub(crate) fn read(lines: &[Line]) -> Result<Vec<Entry>, StoreError> {
    let entry = |line: &Line| {
        serde_json::from_str(&line.text).map_err(|error| {
            StoreError::Database(format!(
                "the audit entry {} is damaged ({error}); verify the chain",
                line.place.seq
            ))
        })
    };
    lines.iter().map(entry).collect()
}

fn line(row: Vec<Cell>) -> Line {
    let mut place = Place {
        at: 0,
        chain: String::new(),
        seq: 0,
    };
    let mut members = Map::new();
    for (column, cell) in COLUMNS.into_iter().zip(row) {
        match (column, &cell) {
            ("at", Cell::Integer(at)) => place.at = *at,
            ("seq", Cell::Integer(seq)) => place.seq = u64::try_from(*seq).unwrap_or(0),
            ("chain", Cell::Text(chain)) => place.chain.clone_from(chain),
            _ => {}
        }
        let (name, value) = member(column, cell);
        members.insert(name.to_owned(), value);
    }
    Line {
        place,
        text: canonical_json(&Value::Object(members)),
    }
}

fn member(column: &'static str, cell: Cell) -> (&'static str, Value) {
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
