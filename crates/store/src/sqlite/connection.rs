//! A connection to SQLite, as the store uses it.

use std::fmt::Write;

use rusqlite::types::Value;
use rusqlite::{Connection as Sqlite, params_from_iter};
use sea_orm::Statement;

use super::refusal::{self, FOREIGN_KEY, classify};
use crate::engine::{Connection, Pace, Row};
use crate::rows::{self, Cell, Rows};
use crate::schema::Engine;
use crate::{Changed, StoreError};

#[derive(Debug)]
pub(super) struct SqliteConnection(pub(super) Sqlite);

impl SqliteConnection {
    fn sql(&self, sql: &str) -> Result<(), StoreError> {
        let done = self
            .0
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| classify(&error))
    }

    fn change(&self, sql: &str, cells: Vec<Cell>) -> Result<u64, StoreError> {
        let values: Vec<Value> = cells.into_iter().map(value).collect();
        let run = || self.0.prepare_cached(sql)?.execute(params_from_iter(&values));
        let done = run().map_err(|error| match error.sqlite_error() {
            Some(inner) if inner.extended_code == FOREIGN_KEY => refusal::dangling(&self.0, run),
            _ => classify(&error),
        });
        done.map(|count| count as u64)
    }
}

impl Connection for SqliteConnection {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    /// A savepoint costs nothing here, and a row at once no more than a row later.
    fn paces(&self) -> &'static [Pace] {
        &[Pace::Apart]
    }

    fn query(&self, statement: Statement) -> Result<Rows, StoreError> {
        let values = rows::bound(statement.values)?.into_iter().map(value);
        let mut prepared = self
            .0
            .prepare_cached(&statement.sql)
            .map_err(|error| classify(&error))?;
        let columns: Vec<_> = prepared.column_names().map(str::to_owned).collect();
        let width = columns.len();
        let read = |row: &rusqlite::Row<'_>| (0..width).map(|at| row.get(at).map(cell)).collect();
        let rows = prepared
            .query_map(params_from_iter(values), read)
            .and_then(Iterator::collect);
        Ok(Rows {
            columns,
            rows: rows.map_err(|error| classify(&error))?,
        })
    }

    fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        self.change(&statement.sql, rows::bound(statement.values)?)
    }

    fn insert(&self, row: Row) -> Result<(), StoreError> {
        let mut sql = format!(
            "INSERT INTO \"{}\" (\"{}\") VALUES (",
            row.table,
            row.columns.join("\", \"")
        );
        for at in 1..=row.cells.len() {
            // Writing to a String cannot fail.
            let _ = write!(sql, "{}?{at}", if at > 1 { ", " } else { "" });
        }
        sql.push(')');
        self.change(&sql, row.cells).map(drop)
    }

    /// A transaction that reads first and writes later would find the file changed under it.
    fn begin(&self, _pace: Pace) -> Result<(), StoreError> {
        self.sql("BEGIN IMMEDIATE")
    }

    fn begin_view(&self) -> Result<(), StoreError> {
        self.sql("BEGIN")
    }

    /// There are no other replicas of a file.
    fn announce(&self, _changed: &[Changed]) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.sql("COMMIT")
    }

    fn roll_back(&self) -> Result<(), StoreError> {
        self.sql("ROLLBACK")
    }

    fn mark(&self) -> Result<(), StoreError> {
        self.sql("SAVEPOINT mark")
    }

    fn keep(&self) -> Result<(), StoreError> {
        self.sql("RELEASE mark")
    }

    fn go_back(&self) -> Result<(), StoreError> {
        self.sql("ROLLBACK TO mark")?;
        self.sql("RELEASE mark")
    }

    fn is_in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }

    #[cfg(test)]
    fn as_sqlite(&self) -> Option<&Sqlite> {
        Some(&self.0)
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(integer) => Value::Integer(integer),
        Cell::Real(real) => Value::Real(real),
        Cell::Text(text) => Value::Text(text),
        Cell::Blob(bytes) => Value::Blob(bytes),
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Integer(integer) => Cell::Integer(integer),
        Value::Real(real) => Cell::Real(real),
        Value::Text(text) => Cell::Text(text),
        Value::Blob(bytes) => Cell::Blob(bytes),
    }
}
