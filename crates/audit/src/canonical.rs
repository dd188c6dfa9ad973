//! The canonical form: JSON as RFC 8785 (JCS) writes it, for the values that entries may hold.
//!
//! Members are sorted by UTF-16 code units, there is no white space, and only what must be escaped is.
//! Numbers are whole and within 2^53, where the RFC and every JSON reader agree; [`crate::redact`] turns
//! all others into text before they get here, and a reader that meets one anyway finds a changed line.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The canonical form of a value.
#[must_use]
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

pub(crate) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_display(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => write_members(out, members),
    }
}

pub(crate) fn write_members(out: &mut String, members: &Map<String, Value>) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    out.push('{');
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => write_display(out, format_args!("\\u{control:04x}")),
        }
    }
    out.push_str(text.get(plain_from..).unwrap_or_default());
    out.push('"');
}

pub(crate) fn write_display(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a String has no way to fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_by_utf16_units_and_only_what_must_be_is_escaped() {
        let value =
            json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let expected =
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(json(&value), expected);
        assert_eq!(
            json(&json!("\u{0}\u{8}\t\n\u{c}\r\"\\/\u{7f}é")),
            "\"\\u0000\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}é\""
        );
    }

    proptest! {
        #[test]
        fn any_text_survives_the_canonical_form(text in any::<String>()) {
            let back: String = serde_json::from_str(&json(&Value::String(text.clone()))).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
