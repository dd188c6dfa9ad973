//! Values on their way in and rows on their way out, between sea-orm's types and what both engines hold.
//!
//! In: every kind of value is bound or refused, never silently dropped. Out: a cell becomes the value that
//! the entity's column declares, because rows are strictly typed and an `Option` of the wrong width would
//! otherwise read as absent.

use std::collections::BTreeMap;

use sea_orm::sea_query::ColumnType;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, FromQueryResult, IdenStatic, Iterable, ProxyRow,
    QueryResult, Value,
};

use crate::StoreError;
use crate::engine::Row;

/// One value as a column of either engine holds it. Yes and no are 1 and 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Integer(_) => "a whole number",
            Self::Real(_) => "a fraction",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// Rows as the engine gave them.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// The only number of the only row.
    pub(crate) fn number(&self) -> Result<i64, StoreError> {
        match self.rows.first().and_then(|row| row.first()) {
            Some(Cell::Integer(number)) => Ok(*number),
            other => Err(StoreError::Database(format!(
                "a number was expected, not {other:?}"
            ))),
        }
    }

    /// The texts of the only column.
    pub(crate) fn texts(self) -> Result<Vec<String>, StoreError> {
        let text = |row: Vec<Cell>| match row.into_iter().next() {
            Some(Cell::Text(text)) => Ok(text),
            other => Err(StoreError::Database(format!("text was expected, not {other:?}"))),
        };
        self.rows.into_iter().map(text).collect()
    }

    /// The rows as an entity's models.
    pub(crate) fn models<E: EntityTrait>(self) -> Result<Vec<E::Model>, StoreError> {
        let types: Vec<_> = self.columns.iter().map(|name| declared::<E>(name)).collect();
        let model = |row: Vec<Cell>| {
            let mut values = BTreeMap::new();
            for ((name, holds), cell) in self.columns.iter().zip(&types).zip(row) {
                let value = value(cell, holds.as_ref()).map_err(|cell| mismatch::<E>(name, &cell))?;
                values.insert(name.clone(), value);
            }
            let row: QueryResult = ProxyRow::from(values).into();
            E::Model::from_query_result(&row, "").map_err(|error| StoreError::Database(error.to_string()))
        };
        self.rows.into_iter().map(model).collect()
    }
}

fn mismatch<E: EntityTrait>(column: &str, cell: &Cell) -> StoreError {
    let (table, kind) = (E::default(), cell.kind());
    StoreError::Database(format!(
        "{}.{column} holds {kind}, which its entity does not expect",
        table.as_str()
    ))
}

/// A new row with the columns that are set.
pub(crate) fn row<A: ActiveModelTrait>(model: &A) -> Result<Row, StoreError> {
    let table = <A::Entity as Default>::default();
    let mut row = Row {
        table: table.as_str(),
        columns: Vec::new(),
        cells: Vec::new(),
    };
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = model.get(column) {
            row.columns.push(column.as_str());
            row.cells.push(cell(value)?);
        }
    }
    Ok(row)
}

/// The values of a statement as both engines take them.
pub(crate) fn bound(values: Option<sea_orm::Values>) -> Result<Vec<Cell>, StoreError> {
    values
        .map_or_else(Vec::new, |values| values.0)
        .into_iter()
        .map(cell)
        .collect()
}

fn cell(value: Value) -> Result<Cell, StoreError> {
    let refused =
        |what: &str| StoreError::Database(format!("{what} cannot be stored; use text, i64 or bool"));
    let integer = |value: Option<i64>| value.map_or(Cell::Null, Cell::Integer);
    Ok(match value {
        Value::Bool(value) => integer(value.map(i64::from)),
        Value::TinyInt(value) => integer(value.map(i64::from)),
        Value::SmallInt(value) => integer(value.map(i64::from)),
        Value::Int(value) => integer(value.map(i64::from)),
        Value::BigInt(value) => integer(value),
        Value::TinyUnsigned(value) => integer(value.map(i64::from)),
        Value::SmallUnsigned(value) => integer(value.map(i64::from)),
        Value::Unsigned(value) => integer(value.map(i64::from)),
        Value::BigUnsigned(None) => Cell::Null,
        Value::BigUnsigned(Some(value)) => {
            Cell::Integer(i64::try_from(value).map_err(|_| refused("a number beyond 2^63"))?)
        }
        Value::Float(value) => value.map_or(Cell::Null, |value| Cell::Real(value.into())),
        Value::Double(value) => value.map_or(Cell::Null, Cell::Real),
        Value::String(value) => value.map_or(Cell::Null, Cell::Text),
        Value::Char(value) => value.map_or(Cell::Null, |value| Cell::Text(value.to_string())),
        Value::Bytes(value) => value.map_or(Cell::Null, Cell::Blob),
        other => return Err(refused(&format!("{other:?}"))),
    })
}

/// What the entity says that its column holds; `None` for columns it does not know.
fn declared<E: EntityTrait>(name: &str) -> Option<ColumnType> {
    let column = E::Column::iter().find(|column| column.as_str() == name)?;
    Some(column.def().get_column_type().clone())
}

/// The cell as the declared type, or the cell back if it is none.
fn value(cell: Cell, holds: Option<&ColumnType>) -> Result<Value, Cell> {
    let Some(holds) = holds else {
        return Ok(undeclared(cell));
    };
    let integer = match cell {
        Cell::Integer(integer) => Some(integer),
        _ => None,
    };
    let is_null = cell == Cell::Null;
    macro_rules! whole {
        ($variant:ident) => {
            match integer.map(TryFrom::try_from) {
                Some(Ok(number)) => Ok(Value::$variant(Some(number))),
                None if is_null => Ok(Value::$variant(None)),
                _ => Err(cell),
            }
        };
    }
    match holds {
        ColumnType::Boolean => match cell {
            Cell::Integer(0) => Ok(Value::Bool(Some(false))),
            Cell::Integer(1) => Ok(Value::Bool(Some(true))),
            Cell::Null => Ok(Value::Bool(None)),
            other => Err(other),
        },
        ColumnType::TinyInteger => whole!(TinyInt),
        ColumnType::SmallInteger => whole!(SmallInt),
        ColumnType::Integer => whole!(Int),
        ColumnType::BigInteger => whole!(BigInt),
        ColumnType::TinyUnsigned => whole!(TinyUnsigned),
        ColumnType::SmallUnsigned => whole!(SmallUnsigned),
        ColumnType::Unsigned => whole!(Unsigned),
        ColumnType::BigUnsigned => whole!(BigUnsigned),
        ColumnType::Text | ColumnType::String(_) | ColumnType::Char(_) => match cell {
            Cell::Text(text) => Ok(Value::String(Some(text))),
            Cell::Null => Ok(Value::String(None)),
            other => Err(other),
        },
        _ => Err(cell),
    }
}

fn undeclared(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::String(None),
        Cell::Integer(integer) => Value::BigInt(Some(integer)),
        Cell::Real(real) => Value::Double(Some(real)),
        Cell::Text(text) => Value::String(Some(text)),
        Cell::Blob(bytes) => Value::Bytes(Some(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_survives_its_column_or_is_refused_and_never_reads_as_absent(number in any::<i64>()) {
            for holds in [ColumnType::BigInteger, ColumnType::Integer, ColumnType::Unsigned, ColumnType::Boolean] {
                match value(Cell::Integer(number), Some(&holds)) {
                    Ok(read) => prop_assert_eq!(cell(read).unwrap(), Cell::Integer(number)),
                    Err(back) => prop_assert_eq!(back, Cell::Integer(number)),
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_bound_is_refused() {
        assert!(cell(Value::BigUnsigned(Some(u64::MAX))).is_err());
        assert_eq!(cell(Value::BigUnsigned(Some(7))).unwrap(), Cell::Integer(7));
        assert!(value(Cell::Text("7".into()), Some(&ColumnType::BigInteger)).is_err());
    }
}
