//! Erasing a person: what is theirs goes, and their name goes where it stands beside what others have.
//!
//! The audit chain names people by an id that means nothing by itself. What resolves it is the person's account, and once
//! that is gone nothing does; so no entry is touched, and every chain still verifies.

use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, Query, SelectStatement};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use watchroom_audit::timestamp_text;
use watchroom_model::{EmailAddress, UserId, UserName, without_person};

use crate::chain::built;
use crate::engine::Connection;
use crate::migrations::columns;
use crate::rows::Cell;
use crate::schema::Type;
use crate::writer::Message;
use crate::{Store, StoreError, WriteTx};

/// Whose rows: the table and the column with the account's id, in an order in which they can go.
pub(crate) const OWN: &[(&str, &str)] = &[
    ("recovery_codes", "user_id"),
    ("totp_factors", "user_id"),
    ("passkeys", "user_id"),
    ("outside_identities", "user_id"),
    ("one_time_links", "user_id"),
    // Nobody stands for them any more.
    ("one_time_links", "made_by"),
    ("letters", "user_id"),
    ("lockouts", "user_id"),
    ("tokens", "owner"),
    ("sessions", "user_id"),
    ("user_grants", "user_id"),
    ("group_members", "user_id"),
    ("users", "id"),
];

/// Where an e-mail address stands by itself.
pub(crate) const ADDRESSED: &[(&str, &str)] = &[("letters", "recipient"), ("one_time_links", "email")];

/// Where a name stands by itself, or among words: the table, its key and the column.
pub(crate) const NAMED: &[(&str, &str, &str)] = &[
    ("servers", "id", "reason"),
    ("nodes", "id", "revoked_why"),
    ("node_links", "node", "fence"),
    ("join_tokens", "id", "created_by"),
    ("join_requests", "id", "decided_by"),
    ("join_requests", "id", "reason"),
    ("operations", "id", "ordered_by"),
    ("operations", "id", "outcome"),
    ("bans", "id", "made_by"),
    ("bans", "id", "confirmed_by"),
    ("bans", "id", "lifted_by"),
    ("bans", "id", "held_because"),
    ("bans", "id", "reason"),
    ("bans", "id", "evidence"),
    ("lockouts", "id", "lifted_by"),
    ("decoy_tokens", "id", "made_by"),
    ("locks", "id", "made_by"),
    ("locks", "id", "lifted_by"),
    ("locks", "id", "reason"),
    ("roles", "name", "changed_by"),
    ("user_groups", "id", "made_by"),
];

/// What of a person's own rows is handed to nobody: digests and seals of secrets, and what opens a session or a passkey.
pub(crate) const SECRET: &[&str] = &[
    "password_hash",
    "cookie_hash",
    "csrf",
    "refresh_hash",
    "rotation_hash",
    "rotation_before",
    "secret_hash",
    "code_hash",
    "browser_hash",
    "seed",
    "content",
    "credential_id",
    "public_key",
    "binding",
    "door",
];

/// A person of whom something is asked of all tables.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// What they signed in with.
    pub name: UserName,
    /// Where mail reached them.
    pub email: Option<EmailAddress>,
}

impl WriteTx {
    /// Erases a person: their own rows, and their name in those of others. The account itself is in the same transaction or
    /// not at all; how many rows went, and how many forgot the name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erase(&self, person: &Person) -> Result<(u64, u64), StoreError> {
        self.on_connection(|conn| Ok((remove(conn, person)?, forget(conn, person)?)))
    }
}

impl Store {
    /// All that stands about a person in the tables, but for secrets and the audit log: their own rows by table, and under
    /// `named` what others' rows say of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_about(&self, person: Person) -> Result<Value, StoreError> {
        let lease = self.readers.lease().await?;
        lease.run(move |conn| held(conn, &person)).await
    }

    /// Leaves nothing in the files of what was removed before, as far as files are ours: whether that could be done now. It
    /// cannot while somebody reads what was before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(&self) -> Result<bool, StoreError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.send(Message::Settle(reply)).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn held(conn: &dyn Connection, person: &Person) -> Result<Value, StoreError> {
    let id = person.id.to_string();
    let mut found: Map<String, Value> = Map::new();
    let by_id = OWN
        .iter()
        .map(|(table, column)| (*table, *column, Some(id.as_str())));
    let email = person.email.as_ref().map(EmailAddress::as_str);
    let by_address = ADDRESSED.iter().map(|(table, column)| (*table, *column, email));
    for (table, column, wanted) in by_id.chain(by_address) {
        let Some(wanted) = wanted else { continue };
        let shown = columns().filter(|(of, column)| *of == table && !SECRET.contains(&column.name));
        let shown: Vec<_> = shown.map(|(_, column)| (column.name, column.holds)).collect();
        let mut select = Query::select();
        select
            .columns(shown.iter().map(|(name, _)| *name))
            .from(table)
            .and_where(Expr::col(column).eq(wanted));
        let rows = found.entry(table).or_insert_with(|| json!([]));
        for row in conn.query(built(conn, &select))?.rows {
            let cells = shown.iter().zip(&row);
            let row: Map<_, _> = cells
                .map(|((name, holds), cell)| ((*name).to_owned(), told(name, *holds, cell)))
                .collect();
            if let Value::Array(rows) = rows
                && !rows.contains(&Value::Object(row.clone()))
            {
                rows.push(Value::Object(row));
            }
        }
    }
    let mut named = Vec::new();
    for (table, key, column) in NAMED {
        for row in conn
            .query(built(conn, &naming(person, table, [key, column])))?
            .rows
        {
            if let [Cell::Text(id), Cell::Text(words)] = row.as_slice()
                && without_person(words, person.name.as_str()) != *words
            {
                named.push(json!({ "table": table, "row": id, "column": column, "words": words }));
            }
        }
    }
    found.insert("named".to_owned(), Value::Array(named));
    Ok(Value::Object(found))
}

/// One value as people read it: numbers that are times by the name of their column become times.
fn told(column: &str, holds: Type, cell: &Cell) -> Value {
    let is_time =
        column.ends_with("_at") || ["last_seen", "last_used", "last_sign_in", "until"].contains(&column);
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) if matches!(holds, Type::Boolean) => Value::Bool(*number != 0),
        Cell::Integer(number) if is_time => {
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(*number) * 1_000);
            at.map_or(Value::Null, |at| Value::String(timestamp_text(at)))
        }
        Cell::Integer(number) => json!(number),
        Cell::Real(number) => json!(number),
        Cell::Text(text) => Value::String(text.clone()),
        // No table of a person's has any.
        Cell::Blob(bytes) => json!(bytes),
    }
}

fn remove(conn: &dyn Connection, person: &Person) -> Result<u64, StoreError> {
    let id = person.id.to_string();
    let mut gone = 0;
    for (table, column) in ADDRESSED {
        let Some(email) = &person.email else { continue };
        let mut delete = Query::delete();
        delete
            .from_table(*table)
            .and_where(Expr::col(*column).eq(email.as_str()));
        gone += conn.execute(built(conn, &delete))?;
    }
    gone += remove_answers(conn, person)?;
    for (table, column) in OWN {
        let mut delete = Query::delete();
        delete
            .from_table(*table)
            .and_where(Expr::col(*column).eq(id.as_str()));
        gone += conn.execute(built(conn, &delete))?;
    }
    Ok(gone)
}

/// What was answered to them, and to others of them. Whoever asks again within a day is answered anew.
fn remove_answers(conn: &dyn Connection, person: &Person) -> Result<u64, StoreError> {
    let mut own = Query::delete();
    own.from_table("idempotency")
        .and_where(Expr::col("principal").like(LikeExpr::new(format!("{}%", person.id))));
    let mut gone = conn.execute(built(conn, &own))?;
    let select = naming(person, "idempotency", ["principal", "key", "response"]);
    for row in conn.query(built(conn, &select))?.rows {
        let [Cell::Text(principal), Cell::Text(key), Cell::Text(answer)] = row.as_slice() else {
            return Err(StoreError::Database(
                "idempotency holds what is no text".to_owned(),
            ));
        };
        if without_person(answer, person.name.as_str()) == *answer {
            continue;
        }
        let mut delete = Query::delete();
        delete
            .from_table("idempotency")
            .and_where(Expr::col("principal").eq(principal.as_str()))
            .and_where(Expr::col("key").eq(key.as_str()));
        gone += conn.execute(built(conn, &delete))?;
    }
    Ok(gone)
}

fn forget(conn: &dyn Connection, person: &Person) -> Result<u64, StoreError> {
    let mut forgot = 0;
    for (table, key, column) in NAMED {
        for row in conn
            .query(built(conn, &naming(person, table, [key, column])))?
            .rows
        {
            let [Cell::Text(id), Cell::Text(words)] = row.as_slice() else {
                let found = format!("{table}.{column} holds what is no text");
                return Err(StoreError::Database(found));
            };
            let without = without_person(words, person.name.as_str());
            if without == *words {
                continue;
            }
            let mut update = Query::update();
            update
                .table(*table)
                .value(*column, without)
                .and_where(Expr::col(*key).eq(id.as_str()));
            forgot += conn.execute(built(conn, &update))?;
        }
    }
    Ok(forgot)
}

/// Rows in whose last column the name may stand.
fn naming<const N: usize>(
    person: &Person,
    table: &'static str,
    wanted: [&'static str; N],
) -> SelectStatement {
    let mut select = Query::select();
    select.columns(wanted).from(table);
    if let Some(column) = wanted.last() {
        select.and_where(Expr::col(*column).like(containing(person)));
    }
    select
}

fn containing(person: &Person) -> LikeExpr {
    // A name holds `_`, which would stand for any letter.
    let escaped = person.name.as_str().replace('\\', "\\\\").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Columns of text in which no person of ours is named: ids, words of our own, digests, what other things are called, and
    /// the chain, which is never changed; and what of a person's own rows is handed to them.
    const OF_OTHER_THINGS: &str = include_str!("people_columns.txt");

    #[test]
    fn of_each_column_somebody_has_said_whether_people_stand_in_it() {
        let own: BTreeSet<_> = OWN.iter().map(|(table, _)| *table).collect();
        let named: BTreeSet<_> = NAMED.iter().map(|(table, _, column)| (*table, *column)).collect();
        let mut rest: Vec<_> = columns()
            .filter(|(_, column)| matches!(column.holds, Type::Text))
            .filter(|(table, column)| {
                let is_secret = own.contains(table) && SECRET.contains(&column.name);
                !is_secret && !named.contains(&(*table, column.name))
            })
            .map(|(table, column)| format!("{table}.{}", column.name))
            .collect();
        rest.sort();
        let known: Vec<_> = OF_OTHER_THINGS.lines().collect();
        assert_eq!(
            rest, known,
            "whose is a new column of text: NAMED, a SECRET of a person's, or one for people_columns.txt?"
        );
    }
}
