//! The panel's words: one Fluent file per language in `text/`, compiled into a typed catalogue.
//!
//! English is complete and the only language so far. A second one is a second file: the build fails
//! while it lacks a key. Plural rules are written out as two keys (`servers-one`, `servers-many`).

use std::fmt::Display;

include!(concat!(env!("OUT_DIR"), "/text.rs"));

/// Puts values in the `{ $name }` places of a text.
fn fill(text: &str, places: &[(&str, &dyn Display)]) -> String {
    let mut rest = text;
    let mut filled = String::with_capacity(text.len() + 32);
    while let Some((before, after)) = rest.split_once("{ $") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once(" }") else {
            break;
        };
        if let Some((_, value)) = places.iter().find(|(known, _)| *known == name) {
            filled.push_str(&value.to_string());
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_a_place_is_not_read_as_a_place() {
        assert_eq!(
            fill("{ $a } and { $b }", &[("a", &"{ $b }"), ("b", &2)]),
            "{ $b } and 2"
        );
        assert_eq!(fill("no place", &[]), "no place");
    }
}
