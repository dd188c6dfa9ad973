//! What a provider says of a person, made into what rules read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How deep claims lie in one another, at most.
const DEEPEST: usize = 4;
/// Most values of all claims together, and the longest of them or of their names, in bytes.
const MOST: usize = 2_000;
const LONGEST: usize = 1_000;

/// Somebody, as the provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the provider calls itself.
    pub realm: String,
    /// What never changes of them there.
    pub subject: String,
    /// What they sign in with there.
    pub user_name: Option<String>,
    /// Their name as others see it.
    pub display_name: Option<String>,
    /// Their address, only if the provider says that it has made sure of it.
    pub email: Option<String>,
    /// When the provider last saw a proof of who they are, where it says so: seconds since the Unix epoch.
    pub proven_at: Option<i64>,
    /// All claims by name, nested ones with dots (`realm_access.roles`). An address stands here only if it is verified.
    pub claims: BTreeMap<String, Vec<String>>,
}

impl Known {
    /// Somebody of whom the provider says this, in one document or several; of what two say the first holds. An address
    /// is believed only by the word of the document it stands in.
    pub(crate) fn of(realm: &str, subject: &str, documents: &[Map<String, Value>]) -> Self {
        let mut claims = BTreeMap::new();
        for document in documents {
            let mut of_it = Claims::default();
            let plain = document.iter().filter(|(name, _)| !is_of_address(name));
            for (name, value) in plain {
                of_it.gather(name, value, DEEPEST);
            }
            for (name, values) in of_it.by_name {
                claims.entry(name).or_insert(values);
            }
        }
        let email = documents
            .iter()
            .find(|document| document.contains_key("email"))
            .and_then(verified_address);
        if let Some(email) = &email {
            claims.insert("email".to_owned(), vec![email.clone()]);
        }
        let only = |name: &str| match claims.get(name).map(Vec::as_slice) {
            Some([one]) if !one.is_empty() => Some(one.clone()),
            _ => None,
        };
        Self {
            realm: realm.to_owned(),
            subject: subject.to_owned(),
            user_name: only("preferred_username"),
            display_name: only("name"),
            email,
            proven_at: None,
            claims,
        }
    }
}

fn is_of_address(name: &str) -> bool {
    name == "email" || name == "email_verified" || name.starts_with("email.")
}

/// Some providers write truth as text.
fn verified_address(document: &Map<String, Value>) -> Option<String> {
    let is_verified = match document.get("email_verified") {
        Some(Value::Bool(is_so)) => *is_so,
        Some(Value::String(word)) => word == "true",
        _ => false,
    };
    let email = document
        .get("email")
        .and_then(Value::as_str)
        .filter(|_| is_verified)?;
    (email.len() <= LONGEST).then(|| email.to_owned())
}

/// Claims by name, as far as they are kept.
#[derive(Default)]
struct Claims {
    by_name: BTreeMap<String, Vec<String>>,
    values: usize,
}

impl Claims {
    /// Puts a claim with all that lies in it on the list. What is too deep, too long or too much is left out: a rule can
    /// then only fail to hold.
    fn gather(&mut self, name: &str, value: &Value, deeper: usize) {
        match value {
            // A longer name is of no rule, and each claim within would repeat it.
            _ if name.len() > LONGEST => {}
            Value::Object(inner) if deeper > 0 => {
                for (key, value) in inner.iter().filter(|(key, _)| key.len() <= LONGEST) {
                    self.gather(&format!("{name}.{key}"), value, deeper - 1);
                }
            }
            Value::Array(items) => self.add(name, items.iter()),
            other => self.add(name, std::iter::once(other)),
        }
    }

    fn add<'v>(&mut self, name: &str, values: impl Iterator<Item = &'v Value>) {
        let values: Vec<_> = values
            .filter_map(scalar)
            .take(MOST.saturating_sub(self.values))
            .collect();
        if !values.is_empty() {
            self.values += values.len();
            self.by_name.entry(name.to_owned()).or_default().extend(values);
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(is_so) => is_so.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (text.len() <= LONGEST).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn known(documents: &[Value]) -> Known {
        let documents: Vec<_> = documents
            .iter()
            .map(|document| document.as_object().unwrap().clone())
            .collect();
        Known::of("https://id.example", "1", &documents)
    }

    #[test]
    fn names_that_are_too_long_or_hold_nothing_are_left_out() {
        let empty: Map<_, _> = (0..100).map(|n| (format!("a{n}"), json!([]))).collect();
        let known = known(&[json!({
            "x".repeat(LONGEST + 1): { "role": "captain" },
            "x".repeat(LONGEST): { "role": "captain" },
            "empty": empty,
            "is_staff": true,
        })]);
        assert_eq!(known.claims.keys().collect::<Vec<_>>(), ["is_staff"]);
    }

    #[test]
    fn nested_claims_are_found_by_their_path() {
        let known = known(&[json!({
            "preferred_username": "ann",
            "groups": ["ops", "crew", 7, { "odd": 1 }],
            "realm_access": { "roles": ["captain"] },
            "is_staff": true,
        })]);
        assert_eq!(known.user_name.as_deref(), Some("ann"));
        assert_eq!(known.claims["groups"], ["ops", "crew", "7"]);
        assert_eq!(known.claims["realm_access.roles"], ["captain"]);
        assert_eq!(known.claims["is_staff"], ["true"]);
    }

    #[test]
    fn an_address_is_believed_only_where_it_is_verified() {
        let ann = "ann@example.org";
        for (documents, believed) in [
            (vec![json!({ "email": ann, "email_verified": true })], true),
            (vec![json!({ "email": ann, "email_verified": "true" })], true),
            (vec![json!({ "email": ann, "email_verified": false })], false),
            (vec![json!({ "email": ann, "email_verified": 1 })], false),
            (vec![json!({ "email": ann })], false),
            // The word of one document is no word for the address of another.
            (
                vec![
                    json!({ "email": ann }),
                    json!({ "email": "b@c.de", "email_verified": true }),
                ],
                false,
            ),
            (
                vec![json!({ "email_verified": true }), json!({ "email": ann })],
                false,
            ),
        ] {
            let known = known(&documents);
            assert_eq!(known.email.is_some(), believed, "{documents:?}");
            assert_eq!(known.claims.contains_key("email"), believed, "{documents:?}");
        }
    }

    #[test]
    fn of_what_two_documents_say_the_signed_one_holds() {
        let known = known(&[
            json!({ "groups": ["crew"] }),
            json!({ "groups": ["ops"], "name": "Ann" }),
        ]);
        assert_eq!(known.claims["groups"], ["crew"]);
        assert_eq!(known.display_name.as_deref(), Some("Ann"));
    }

    proptest! {
        #[test]
        fn no_document_makes_an_address_true_by_another_name(name in "email[._a-z]{0,12}", value in "\\PC{0,20}") {
            let mut document = Map::new();
            document.insert(name, json!(value));
            let known = Known::of("r", "s", &[document]);
            prop_assert_eq!(known.email, None);
            prop_assert!(!known.claims.contains_key("email"));
        }
    }
}
