//! The fields of forms, queries and JSON, each read once.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use watchroom_inspect::inspect;

use super::{Plan, Spotted};

/// How much of one field is read, in bytes. No field of ours takes so much.
const FIELD: usize = 64 * 1024;
/// How much of one request is read, in bytes, so that nobody can buy our time with bodies. The largest thing of ours, a
/// server with its environment, has 256 KiB.
const REQUEST: usize = 320 * 1024;
/// How much of a field's name is told, in bytes. Names come from outside, too.
const NAME: usize = 64;

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

    /// Reads one text. `field` is where it stands.
    pub(super) fn read(&mut self, field: &str, text: &[u8]) {
        // What is declared holds for all that is within: `env` for `env.PATH`, `command` for `command.0`.
        let is_named = |names: &[&str]| field.split('.').any(|part| names.contains(&part));
        // A password may look like anything, and nobody but its owner may learn what it looks like.
        if self.is_over() || is_named(self.plan.rule.secrets) {
            return;
        }
        let most = FIELD.min(self.left);
        self.is_cut = text.len() > most;
        let text = text.get(..text.len().min(most)).unwrap_or_default();
        self.left -= text.len();
        let Some(finding) = inspect(text) else {
            return;
        };
        let is_refused = !self.plan.only_reports && !is_named(self.plan.rule.free_text);
        let spotted = Spotted {
            field: told(field),
            rule: finding.rule,
            score: finding.score,
            is_refused,
        };
        if is_refused {
            self.refused = Some(spotted);
        } else if self.reported.is_none() {
            self.reported = Some(spotted);
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
pub(super) struct Fields<'v> {
    verdicts: &'v mut Verdicts,
    path: String,
}

impl<'v> Fields<'v> {
    pub(super) fn new(verdicts: &'v mut Verdicts) -> Self {
        Self {
            verdicts,
            path: String::new(),
        }
    }

    /// Fields of a form or a query: names and values.
    pub(super) fn form(&mut self, text: &[u8]) {
        for (name, value) in form_urlencoded::parse(text) {
            if self.verdicts.is_over() {
                return;
            }
            self.verdicts.read("name of a field", name.as_bytes());
            self.verdicts.read(&name, value.as_bytes());
        }
    }

    /// The strings of a JSON text, and the names in its objects; whether it could be read to its end. A handler may
    /// read on where this cannot, past what it ignores.
    pub(super) fn json(&mut self, text: &[u8]) -> bool {
        let mut reader = serde_json::Deserializer::from_slice(text);
        reader.deserialize_any(Walk(self)).is_ok()
    }

    fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.path.len();
        if outer > 0 {
            self.path.push('.');
        }
        self.path.push_str(name.get(..NAME).unwrap_or(name));
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
        let Fields { verdicts, path } = self.0;
        verdicts.read(path, text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        loop {
            if self.0.verdicts.is_over() {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            let name = at.to_string();
            if self
                .0
                .within(&name, |fields| items.next_element_seed(Walk(fields)))?
                .is_none()
            {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if self.0.verdicts.is_over() {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            self.0.verdicts.read("name of a field", name.as_bytes());
            self.0
                .within(&name, |fields| members.next_value_seed(Walk(fields)))?;
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
