//! The fields of forms, queries and JSON, each read once.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use watchroom_inspect::inspect;

use super::{Plan, Spotted};
use crate::RouteRule;

/// How much of one field is read, in bytes. No field of ours takes so much.
const FIELD: usize = 64 * 1024;
/// How much of one request is read, in bytes, so that nobody can buy our time with bodies. The largest thing of ours, a
/// server with its environment, has 256 KiB.
const REQUEST: usize = 320 * 1024;
/// How much of a field's name is told, in bytes. Names come from outside, too.
const NAME: usize = 64;
/// Where something stands that was found in a name itself.
const NAMES: &str = "name of a field";

/// What was found so far in one request.
pub(super) struct Verdicts {
    plan: Plan,
    left: usize,
    /// There was more than is read.
    is_cut: bool,
    refused: Option<Spotted>,
    reported: Option<Spotted>,
}

impl Verdicts {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            left: REQUEST,
            is_cut: false,
            refused: None,
            reported: None,
        }
    }

    /// The worst: what the request is refused for, else what is reported.
    pub(super) fn spotted(self) -> Option<Spotted> {
        self.refused.or(self.reported)
    }

    /// Whether something was left unread that handlers would see.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn is_over(&self) -> bool {
        self.is_cut || self.refused.is_some()
    }

    /// Reads one text of which nothing is declared. `field` is where it stands.
    pub(super) fn read(&mut self, field: &str, text: &[u8]) {
        self.read_declared(field, text, Declared::default());
    }

    /// The same of what may be declared.
    fn read_declared(&mut self, field: &str, text: &[u8], declared: Declared) {
        // A password may look like anything, and nobody but its owner may learn what it looks like.
        if self.is_over() || declared.is_secret {
            return;
        }
        let most = FIELD.min(self.left);
        self.is_cut = text.len() > most;
        let text = text.get(..text.len().min(most)).unwrap_or_default();
        self.left -= text.len();
        let Some(finding) = inspect(text) else {
            return;
        };
        let is_refused = !self.plan.only_reports && !declared.is_free_text;
        if !is_refused && self.reported.is_some() {
            return;
        }
        let spotted = Spotted {
            field: told(field),
            rule: finding.rule,
            score: finding.score,
            is_refused,
        };
        if is_refused {
            self.refused = Some(spotted);
        } else {
            self.reported = Some(spotted);
        }
    }
}

/// What the route declares of a field.
#[derive(Clone, Copy, Default)]
struct Declared {
    is_secret: bool,
    is_free_text: bool,
}

impl Declared {
    /// The same of what is within it under a name. What is declared holds for all that is within: `env` for `env.PATH`, `command`
    /// for `command.0`.
    fn within(self, rule: &RouteRule, name: &str) -> Self {
        let is_named = |names: &[&str]| name.split('.').any(|part| names.contains(&part));
        Self {
            is_secret: self.is_secret || is_named(rule.secrets),
            is_free_text: self.is_free_text || is_named(rule.free_text),
        }
    }
}

/// A name as it may be told: short, and without anything that could be an attack of its own.
fn told(field: &str) -> String {
    let is_usual = |character: &char| {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | ' ' | '[' | ']')
    };
    field
        .chars()
        .take(NAME)
        .map(|character| if is_usual(&character) { character } else { '?' })
        .collect()
}

/// Reads the fields of what a client wrote.
///
/// However deep a text stands and however long the names around it are, reading it takes no longer: what is declared is carried
/// along, and the path is kept only as far as it is told.
pub(super) struct Fields<'v> {
    verdicts: &'v mut Verdicts,
    declared: Declared,
    path: String,
}

impl<'v> Fields<'v> {
    pub(super) fn new(verdicts: &'v mut Verdicts) -> Self {
        Self {
            verdicts,
            declared: Declared::default(),
            path: String::new(),
        }
    }

    /// Fields of a form or a query: names and values.
    pub(super) fn form(&mut self, text: &[u8]) {
        for (name, value) in form_urlencoded::parse(text) {
            if self.verdicts.is_over() {
                return;
            }
            self.verdicts.read(NAMES, name.as_bytes());
            if self.verdicts.is_over() {
                return;
            }
            let declared = self.declared.within(&self.verdicts.plan.rule, &name);
            self.verdicts.read_declared(&name, value.as_bytes(), declared);
        }
    }

    /// The strings of a JSON text, and the names in its objects; whether it could be read to its end. A handler may
    /// read on where this cannot, past what it ignores.
    pub(super) fn json(&mut self, text: &[u8]) -> bool {
        let mut reader = serde_json::Deserializer::from_slice(text);
        reader.deserialize_any(Walk(self)).is_ok()
    }

    /// Reads what is within a member.
    fn member<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.declared;
        self.declared = outer.within(&self.verdicts.plan.rule, name);
        let told = name.get(..name.floor_char_boundary(NAME)).unwrap_or_default();
        let read = self.item(told, read);
        self.declared = outer;
        read
    }

    /// Reads an item of a list, by its number.
    fn item<T>(&mut self, name: impl fmt::Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.path.len();
        if outer < NAME {
            let dot = if outer > 0 { "." } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(self.path, "{dot}{name}");
        }
        let read = read(self);
        self.path.truncate(outer);
        read
    }
}

/// Walks through one JSON value.
struct Walk<'f, 'v>(&'f mut Fields<'v>);

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let Fields {
            verdicts,
            declared,
            path,
        } = self.0;
        verdicts.read_declared(path, text.as_bytes(), *declared);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            if self.0.verdicts.is_over() {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            let item = self.0.item(at, |fields| items.next_element_seed(Walk(fields)))?;
            if item.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            self.0.verdicts.read(NAMES, name.as_bytes());
            if self.0.verdicts.is_over() {
                members.next_value::<IgnoredAny>()?;
            } else {
                self.0
                    .member(&name, |fields| members.next_value_seed(Walk(fields)))?;
            }
        }
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
