//! Tables and cards for people.

use comfy_table::{Table, presets};
use serde_json::Value;

use super::{Colors, safe};

/// A column: its title, and the dotted path of its value in the API's answer.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// In capitals.
    pub title: &'static str,
    /// Such as `memory.used_bytes`; with `|` between them the first of several that holds something.
    pub path: &'static str,
}

impl Column {
    /// A column.
    #[must_use]
    pub const fn new(title: &'static str, path: &'static str) -> Self {
        Self { title, path }
    }

    fn cell(&self, item: &Value) -> String {
        let at = |path: &str| path.split('.').try_fold(item, |value, key| value.get(key));
        let mut values = self.path.split('|').filter_map(at);
        let text = text(values.find(|value| !value.is_null()).unwrap_or(&Value::Null));
        if text.is_empty() {
            "-".to_owned()
        } else {
            safe(&text, Colors::Drop).replace('\t', " ")
        }
    }
}

/// One row per item under the titles; if `is_bare`, only the first column and no titles.
pub(super) fn rows(items: &[Value], columns: &[Column], is_bare: bool) -> String {
    if is_bare {
        let first = columns.first();
        return items
            .iter()
            .filter_map(|item| first.map(|column| column.cell(item) + "\n"))
            .collect();
    }
    let mut table = plain();
    table.set_header(columns.iter().map(|column| column.title).collect::<Vec<_>>());
    for item in items {
        table.add_row(columns.iter().map(|column| column.cell(item)).collect::<Vec<_>>());
    }
    finished(table)
}

/// One line per column: the title in small letters, then the value.
pub(super) fn card(thing: &Value, columns: &[Column]) -> String {
    let mut table = plain();
    for column in columns {
        table.add_row(vec![column.title.to_lowercase(), column.cell(thing)]);
    }
    finished(table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn finished(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("{key}={}", text(value)))
                .collect();
            members.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("NAME", "name"),
        Column::new("STATUS", "status"),
        Column::new("USED", "memory.used_bytes"),
    ];

    #[test]
    fn columns_line_up_and_absent_values_show_as_a_dash() {
        let items = [
            json!({"name": "attic", "status": "online", "memory": {"used_bytes": 7}}),
            json!({"name": "a-much-longer-name", "status": null}),
        ];
        insta::assert_snapshot!(rows(&items, COLUMNS, false), @r"
        NAME                STATUS  USED
        attic               online  7
        a-much-longer-name  -       -
        ");
        const EITHER: &[Column] = &[Column::new("STATUS", "status|name")];
        assert_eq!(rows(&items, EITHER, true), "online\na-much-longer-name\n");
        assert_eq!(rows(&items, COLUMNS, true), "attic\na-much-longer-name\n");
    }

    #[test]
    fn a_card_has_a_line_per_column_and_no_foreign_escapes() {
        let thing = json!({"name": "\u{1b}[2Jattic", "status": ["a", "b"], "memory": {"used_bytes": {"a": 1, "b": null}}});
        insta::assert_snapshot!(card(&thing, COLUMNS), @r"
        name    �[2Jattic
        status  a, b
        used    a=1
        ");
    }
}
