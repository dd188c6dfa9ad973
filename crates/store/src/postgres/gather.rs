//! Rows that wait to be sent together: one statement for all that fill the same columns of a table, each
//! column as an array.

use std::error::Error;
use std::fmt::Write;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type as Wire, to_sql_checked};

use crate::engine::Row;
use crate::rows::Cell;
use crate::schema::Type;
use crate::{StoreError, migrations};

/// What waits, and from where it can be taken back.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    rows: Vec<Row>,
    pub(super) announcements: Vec<String>,
    /// How many rows waited at the mark.
    marked: usize,
    /// Whether something that came after the mark has been sent.
    is_sent: bool,
}

impl Gathered {
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn note_sent(&mut self) {
        self.is_sent = true;
    }

    pub(super) fn take(&mut self) -> Vec<Row> {
        self.is_sent |= self.rows.len() > self.marked;
        self.marked = 0;
        std::mem::take(&mut self.rows)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn mark(&mut self) {
        self.marked = self.rows.len();
        self.is_sent = false;
    }

    /// Takes back what came after the mark, if none of it has been sent.
    pub(super) fn go_back(&mut self) -> Result<(), StoreError> {
        if self.is_sent {
            return Err(StoreError::Database(
                "what was sent cannot be taken back".to_owned(),
            ));
        }
        self.rows.truncate(self.marked);
        Ok(())
    }
}

/// One column of many rows.
#[derive(Debug)]
pub(super) enum Column {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
    Truths(Vec<Option<bool>>),
}

impl Column {
    fn of(holds: Type) -> Self {
        match holds {
            Type::Text => Self::Texts(Vec::new()),
            Type::Bigint => Self::Numbers(Vec::new()),
            Type::Boolean => Self::Truths(Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell) -> Result<(), StoreError> {
        match (self, cell) {
            (Self::Texts(texts), Cell::Text(text)) => texts.push(Some(text)),
            (Self::Texts(texts), Cell::Null) => texts.push(None),
            (Self::Numbers(numbers), Cell::Integer(number)) => numbers.push(Some(number)),
            (Self::Numbers(numbers), Cell::Null) => numbers.push(None),
            (Self::Truths(truths), Cell::Integer(truth @ (0 | 1))) => truths.push(Some(truth == 1)),
            (Self::Truths(truths), Cell::Null) => truths.push(None),
            (_, cell) => return Err(StoreError::Database(format!("{cell:?} does not fit its column"))),
        }
        Ok(())
    }
}

impl ToSql for Column {
    fn to_sql(&self, ty: &Wire, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Texts(texts) => texts.to_sql(ty, out),
            Self::Numbers(numbers) => numbers.to_sql(ty, out),
            Self::Truths(truths) => truths.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Wire) -> bool {
        [Wire::TEXT_ARRAY, Wire::INT8_ARRAY, Wire::BOOL_ARRAY].contains(ty)
    }

    to_sql_checked!();
}

/// A statement and its columns.
pub(super) type Batch = (String, Vec<Column>);

/// The statements for some rows, in the order in which the tables were first meant: what a row belongs to
/// is inserted before it.
pub(super) fn batches(rows: Vec<Row>) -> impl Iterator<Item = Result<Batch, StoreError>> {
    let mut alike: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        let known = alike.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.table == row.table && first.columns == row.columns)
        });
        match known {
            Some(group) => group.push(row),
            None => alike.push(vec![row]),
        }
    }
    alike.into_iter().map(one)
}

/// The statement for rows of one table that fill the same columns.
pub(super) fn one(rows: Vec<Row>) -> Result<Batch, StoreError> {
    let Some(first) = rows.first() else {
        return Err(StoreError::Database("there is no row to insert".to_owned()));
    };
    let (mut columns, mut arrays) = (Vec::new(), String::new());
    for (at, column) in (1..).zip(&first.columns) {
        let holds = migrations::holds(first.table, column).ok_or_else(|| {
            StoreError::Database(format!("the schema has no column {}.{column}", first.table))
        })?;
        let array = match holds {
            Type::Text => "text[]",
            Type::Bigint => "bigint[]",
            Type::Boolean => "boolean[]",
        };
        columns.push(Column::of(holds));
        // Writing to a String cannot fail.
        let _ = write!(arrays, "{}${at}::{array}", if at > 1 { ", " } else { "" });
    }
    let names = first.columns.join("\", \"");
    let sql = format!(
        "INSERT INTO \"{}\" (\"{names}\") SELECT * FROM unnest({arrays})",
        first.table
    );
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row.cells) {
            column.push(cell)?;
        }
    }
    Ok((sql, columns))
}
