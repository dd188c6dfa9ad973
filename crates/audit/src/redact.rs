//! What keeps secrets out of `extra`: values are replaced by the name of their field, at any depth.
//!
//! A name counts as secret if one of its words is (`api_key`, `resetCode`), or if it contains a word that
//! nothing harmless contains (`accesstoken`). A few names that end like secrets and are none are known by
//! heart. Booleans and null stay: they say whether there is a secret, which the log should.

use serde_json::{Map, Value};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";
/// Deepest nesting kept; what lies below is replaced.
const DEEPEST: u32 = 16;
/// Longest text kept, in bytes; the rest is cut off and counted.
const LONGEST: usize = 4_096;
/// Largest whole number that JSON readers agree on (2^53 - 1).
const LARGEST: u64 = (1 << 53) - 1;

const SECRET_ANYWHERE: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "authorization",
    "cookie",
    "credential",
];
const SECRET_WORDS: &[&str] = &[
    "key", "keys", "code", "codes", "pin", "otp", "totp", "seed", "auth",
];
const HARMLESS: &[&str] = &[
    "exit_code",
    "status_code",
    "error_code",
    "public_key",
    "key_id",
    "token_id",
    "token_name",
    "password_changed_at",
];

/// `extra` as it may be written: secrets replaced, long texts cut, and only numbers that every reader of
/// JSON reads alike (others become text).
#[must_use]
pub fn redact(extra: Map<String, Value>) -> Map<String, Value> {
    members(extra, 0)
}

fn members(object: Map<String, Value>, depth: u32) -> Map<String, Value> {
    let keep = |(name, value): (String, Value)| {
        let value = if is_secret(&name) {
            hidden(value)
        } else {
            plain(value, depth)
        };
        (name, value)
    };
    object.into_iter().map(keep).collect()
}

fn hidden(value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => Value::from(REDACTED),
    }
}

fn plain(value: Value, depth: u32) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(number) => {
            let is_exact = number.as_u64().is_some_and(|number| number <= LARGEST)
                || number
                    .as_i64()
                    .is_some_and(|number| number.unsigned_abs() <= LARGEST);
            if is_exact {
                Value::Number(number)
            } else {
                Value::from(number.to_string())
            }
        }
        Value::String(text) => Value::String(shortened(text)),
        Value::Array(_) | Value::Object(_) if depth >= DEEPEST => Value::from("[too deep]"),
        Value::Array(items) => items.into_iter().map(|item| plain(item, depth + 1)).collect(),
        Value::Object(object) => Value::Object(members(object, depth + 1)),
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str(&format!("... [{whole} bytes]"));
    }
    text
}

fn is_secret(name: &str) -> bool {
    let words = words(name);
    if HARMLESS.contains(&words.join("_").as_str()) {
        return false;
    }
    let folded = words.concat();
    let has_word = words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()));
    has_word
        || SECRET_ANYWHERE.iter().any(|secret| folded.contains(secret))
        || ["key", "keys", "code", "codes"]
            .iter()
            .any(|end| folded.ends_with(end))
}

/// The words of a name, in lower case: split at what is no letter or digit, and where a capital follows a
/// small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in name.chars() {
        let starts_word = character.is_uppercase() && was_small;
        if starts_word || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
        was_small = character.is_lowercase() || character.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redacted(value: Value) -> Value {
        let Value::Object(object) = value else {
            panic!("an object")
        };
        Value::Object(redact(object))
    }

    #[test]
    fn secrets_are_hidden_at_any_depth_whatever_their_spelling() {
        let names = [
            "password",
            "Password",
            "new_password",
            "accessToken",
            "API-Key",
            "apikey",
            "private_key",
            "client secret",
            "Authorization",
            "Set-Cookie",
            "code",
            "resetCode",
            "recovery_codes",
            "totp",
            "key_material",
            "x.token.y",
        ];
        for name in names {
            let hidden = redacted(json!({"a": [{"b": {name: "canary"}}]}));
            assert_eq!(hidden, json!({"a": [{"b": {name: REDACTED}}]}), "{name}");
        }
        assert_eq!(
            redacted(json!({"tokens": [{"x": 1}], "key": 7})),
            json!({"tokens": REDACTED, "key": REDACTED})
        );
    }

    #[test]
    fn what_is_no_secret_stays() {
        let kept = json!({"exit_code": 137, "public_key": "ab", "keyboard": "qwertz", "password": true, "code": null});
        assert_eq!(redacted(kept.clone()), kept);
    }

    #[test]
    fn numbers_that_readers_disagree_on_become_text_and_long_texts_are_cut() {
        let value = redacted(
            json!({"a": 1.5, "b": u64::MAX, "c": -9_007_199_254_740_991_i64, "d": "é".repeat(4_000)}),
        );
        assert_eq!(value["a"], "1.5");
        assert_eq!(value["b"], "18446744073709551615");
        assert_eq!(value["c"], -9_007_199_254_740_991_i64);
        assert!(value["d"].as_str().unwrap().ends_with("... [8000 bytes]"));
    }

    proptest! {
        #[test]
        fn a_name_that_contains_a_secret_word_hides_its_value(before in "[a-zA-Z_]{0,6}", after in "[a-zA-Z_]{0,6}") {
            for secret in SECRET_ANYWHERE {
                let name = format!("{before}{secret}{after}");
                if !HARMLESS.contains(&words(&name).join("_").as_str()) {
                    prop_assert_eq!(redacted(json!({&name: "canary"})), json!({&name: REDACTED}));
                }
            }
        }
    }
}
