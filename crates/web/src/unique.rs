//! No key may come twice in an object of JSON (RFC 8259, 4): readers disagree on which one counts, so that one of them
//! could look at what another never uses.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// The first key that comes twice, of a text that is JSON.
pub(crate) fn doubled(json: &[u8]) -> Option<String> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    // What is no JSON was refused before.
    let _read = reader.deserialize_any(Walk(&mut found));
    found
}

/// Walks through one value.
struct Walk<'f>(&'f mut Option<String>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if self.0.is_none() && seen.contains(&key) {
                *self.0 = Some(key.clone());
            }
            seen.insert(key);
            members.next_value_seed(Walk(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_found_wherever_it_is_and_however_it_is_written() {
        for (json, key) in [
            (r#"{"a":1,"a":2}"#, Some("a")),
            (r#"{"a":{"b":1,"c":[{"d":null,"d":true}]}}"#, Some("d")),
            (r#"[{"a":1},{"b":1.5,"\u0062":-2}]"#, Some("b")),
            (r#"{"a":{"a":1},"b":{"a":1}}"#, None),
            (r#"[{"a":1},{"a":1},"a","a"]"#, None),
            ("{}", None),
            ("7", None),
        ] {
            assert_eq!(doubled(json.as_bytes()).as_deref(), key, "{json}");
        }
    }
}
