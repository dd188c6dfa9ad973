//! Reads TOML files into leaves, each with the line it stands on.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Number, Value};
use toml_edit::{Document, Item, TableLike};

use super::leaf::{Given, Leaf, is_branch};
use super::suggest::unknown_key;
use super::{Located, Origin};

/// What one file says, and what is wrong with it.
pub(super) fn read(path: &Path, text: &str, defaults: &Value) -> (Vec<Leaf>, Vec<Located>) {
    let mut reading = Reading {
        path,
        text,
        defaults,
        leaves: Vec::new(),
        problems: Vec::new(),
    };
    match Document::parse(text) {
        Ok(document) => reading.table(document.as_table(), defaults, &mut Vec::new()),
        Err(error) => {
            let origin = reading.origin(error.span());
            reading.problems.push(Located {
                key: String::new(),
                message: error.message().to_owned(),
                origin,
            });
        }
    }
    (reading.leaves, reading.problems)
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    defaults: &'a Value,
    leaves: Vec<Leaf>,
    problems: Vec<Located>,
}

impl Reading<'_> {
    fn table(&mut self, table: &dyn TableLike, known: &Value, path: &mut Vec<String>) {
        for (name, item) in table.iter() {
            path.push(name.to_owned());
            let span = table
                .key(name)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span());
            self.item(item, known, path, self.origin(span));
            path.pop();
        }
    }

    fn item(&mut self, item: &Item, siblings: &Value, path: &mut Vec<String>, origin: Origin) {
        let known = path.last().and_then(|name| siblings.get(name));
        match (known, item.as_table_like()) {
            (None, _) => {
                let message = unknown_key(self.defaults, siblings, path);
                self.problems.push(Located {
                    key: path.join("."),
                    message,
                    origin,
                });
            }
            (Some(known), Some(table)) if is_branch(known) => self.table(table, known, path),
            (Some(_), _) => {
                self.leaves.push(Leaf {
                    path: path.clone(),
                    given: Given::Typed(value_of(item)),
                    origin,
                });
            }
        }
    }

    fn origin(&self, span: Option<Range<usize>>) -> Origin {
        let before = span
            .and_then(|span| self.text.get(..span.start))
            .unwrap_or_default();
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
        }
    }
}

/// The same value without its TOML clothes; dates become text.
pub(super) fn value_of(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => plain(value),
        Item::Table(table) => object(table),
        Item::ArrayOfTables(tables) => Value::Array(tables.iter().map(|table| object(table)).collect()),
    }
}

fn plain(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => {
            Number::from_f64(*number.value()).map_or(Value::Null, Value::Number)
        }
        toml_edit::Value::Boolean(truth) => Value::Bool(*truth.value()),
        toml_edit::Value::Datetime(at) => Value::String(at.value().to_string()),
        toml_edit::Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        toml_edit::Value::InlineTable(table) => object(table),
    }
}

fn object(table: &dyn TableLike) -> Value {
    Value::Object(
        table
            .iter()
            .map(|(key, item)| (key.to_owned(), value_of(item)))
            .collect::<Map<_, _>>(),
    )
}
