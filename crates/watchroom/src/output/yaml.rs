//! JSON values as YAML 1.2 in block style. Text is quoted unless it could not be anything but text.

use serde_json::Value;

/// The value as one document.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block(&mut text, value, 0),
        Value::Array(items) if !items.is_empty() => block(&mut text, value, 0),
        scalar => {
            text.push_str(&self::scalar(scalar));
            text.push('\n');
        }
    }
    text
}

fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                indent(text, depth);
                text.push_str(&plain(key));
                text.push(':');
                nested(text, value, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(text, depth);
                text.push('-');
                nested(text, item, depth + 1);
            }
        }
        _ => {}
    }
}

fn nested(text: &mut String, value: &Value, depth: usize) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        block(text, value, depth);
    } else {
        text.push(' ');
        text.push_str(&scalar(value));
        text.push('\n');
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// Scalars and empty collections: JSON's own forms are YAML too.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// Plain only for text that starts with a letter, holds nothing with a meaning in YAML, and is no word that
/// some reader takes for a truth value, null or a number.
fn plain(text: &str) -> String {
    const WORDS: [&str; 11] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
    ];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_things_are_blocks_and_tricky_text_is_quoted() {
        let value = json!({
            "items": [{"name": "attic", "labels": {}, "on": "no", "at": "2026-01-01T00:00:00Z"}, ["a", 1]],
            "next_cursor": null,
        });
        insta::assert_snapshot!(document(&value), @r#"
        items:
          -
            at: "2026-01-01T00:00:00Z"
            labels: {}
            name: attic
            "on": "no"
          -
            - a
            - 1
        next_cursor: null
        "#);
    }

    proptest! {
        /// Every line of a flat object reads back: a plain or JSON-quoted key, a colon, a JSON or plain value.
        #[test]
        fn every_text_comes_back_as_the_same_text(text in any::<String>()) {
            let written = document(&json!({ "k": text }));
            let value = written.strip_prefix("k: ").unwrap().strip_suffix('\n').unwrap();
            prop_assert!(!value.contains('\n'));
            let read = serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
            prop_assert_eq!(read, text);
        }
    }
}
