//! Form fields: what was typed is kept, and what is wrong with it stands at the field.

use askama::Template;
use askama::filters::HtmlSafe;
use watchroom_kit::FieldFault;

use crate::text::EN;

/// What is wrong with a form, by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    /// These faults.
    pub(crate) fn new(faults: Vec<FieldFault>) -> Self {
        Self(faults)
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with this field or with a part of it (`command[2]`, `env.PATH`).
    pub(crate) fn of(&self, field: &str) -> Vec<String> {
        let belongs = |fault: &&FieldFault| {
            fault
                .field
                .strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
        };
        self.0
            .iter()
            .filter(belongs)
            .map(|fault| fault.message.clone())
            .collect()
    }

    /// What is wrong with fields that the form does not show, so that nothing is swallowed.
    pub(crate) fn beside(&self, shown: &[&str]) -> Vec<String> {
        let is_shown = |fault: &FieldFault| {
            shown.iter().any(|name| {
                fault
                    .field
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
            })
        };
        self.0
            .iter()
            .filter(|fault| !is_shown(fault))
            .map(|fault| format!("{}: {}", fault.field, fault.message))
            .collect()
    }
}

/// One field with its label, hint and faults.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/field.html")]
pub(crate) struct Field {
    name: &'static str,
    id: String,
    label: &'static str,
    kind: &'static str,
    value: String,
    hint: &'static str,
    wrong: Vec<String>,
    autocomplete: &'static str,
    is_required: bool,
    has_focus: bool,
    is_in_row: bool,
    /// Where a script asks how strong the password is; else empty.
    measured: &'static str,
}

impl Field {
    fn new(kind: &'static str, name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            id: format!("f-{name}").replace('.', "-"),
            label,
            kind,
            value: String::new(),
            hint: "",
            wrong: Vec::new(),
            autocomplete: "off",
            is_required: false,
            has_focus: false,
            is_in_row: false,
            measured: "",
        }
    }

    /// One line of text.
    pub(crate) fn text(name: &'static str, label: &'static str) -> Self {
        Self::new("text", name, label)
    }

    /// A password; what was typed is never sent back.
    pub(crate) fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self {
            autocomplete,
            is_required: true,
            ..Self::new("password", name, label)
        }
    }

    /// A new password, with a word on how strong it is while it is typed.
    pub(crate) fn new_password(name: &'static str, label: &'static str, asked_at: &'static str) -> Self {
        Self {
            measured: asked_at,
            ..Self::password(name, label, "new-password")
        }
    }

    /// A code of an authenticator, or one of those that help without it.
    pub(crate) fn code(name: &'static str, label: &'static str) -> Self {
        Self {
            autocomplete: "one-time-code",
            is_required: true,
            ..Self::new("text", name, label)
        }
    }

    /// What a script says of each score, from 0 to 4.
    fn words() -> [&'static str; 5] {
        [
            EN.strength_0,
            EN.strength_1,
            EN.strength_2,
            EN.strength_3,
            EN.strength_4,
        ]
    }

    /// A whole number.
    pub(crate) fn number(name: &'static str, label: &'static str) -> Self {
        Self::new("number", name, label)
    }

    /// A point in time, in UTC.
    pub(crate) fn moment(name: &'static str, label: &'static str) -> Self {
        Self::new("datetime-local", name, label)
    }

    /// Several lines of text.
    pub(crate) fn lines(name: &'static str, label: &'static str) -> Self {
        Self::new("textarea", name, label)
    }

    /// With this in it.
    pub(crate) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// With a line that says what is wanted.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// What is wanted, unless what is wrong says the same.
    fn advice(&self) -> &'static str {
        if self.wrong.iter().any(|fault| fault == self.hint) {
            ""
        } else {
            self.hint
        }
    }

    /// With this said to be wrong with it.
    pub(crate) fn said(mut self, wrong: Vec<String>) -> Self {
        self.wrong = wrong;
        self
    }

    /// With what is wrong about it.
    pub(crate) fn wrong(mut self, faults: &Faults) -> Self {
        self.wrong = faults.of(self.name);
        self
    }

    /// With the browser's word for what it is, so that it can be filled in.
    pub(crate) fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = word;
        self
    }

    /// Not to be left empty.
    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// It may be left empty.
    pub(crate) fn optional(mut self) -> Self {
        self.is_required = false;
        self
    }

    /// Whether nothing is wrong about it.
    pub(crate) fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The same in a row of a table, where its label stands in it.
    pub(crate) fn in_row(&self) -> Self {
        Self {
            is_in_row: true,
            ..self.clone()
        }
    }

    /// Where the cursor starts.
    pub(crate) fn focus(mut self) -> Self {
        self.has_focus = true;
        self
    }

    /// With an id of its own, where two forms of a page share a field's name.
    pub(crate) fn within(mut self, form: &str) -> Self {
        self.id = format!("{}-{form}", self.id);
        self
    }
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Field {}

/// One of several.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/choice.html")]
pub(crate) struct Choice {
    name: &'static str,
    id: String,
    label: &'static str,
    options: Vec<(String, String)>,
    chosen: String,
    wrong: Vec<String>,
}

impl Choice {
    /// A choice between `options` (value and words), with `chosen` chosen.
    pub(crate) fn new(
        name: &'static str,
        label: &'static str,
        options: Vec<(String, String)>,
        chosen: impl Into<String>,
    ) -> Self {
        Self {
            name,
            id: format!("f-{name}"),
            label,
            options,
            chosen: chosen.into(),
            wrong: Vec::new(),
        }
    }

    /// With what is wrong about it.
    pub(crate) fn wrong(mut self, faults: &Faults) -> Self {
        self.wrong = faults.of(self.name);
        self
    }

    /// With an id of its own, where two forms of a page share a field's name.
    pub(crate) fn within(mut self, form: &str) -> Self {
        self.id = format!("{}-{form}", self.id);
        self
    }
}

/// Rendered by its own template, which escapes.
impl HtmlSafe for Choice {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_kept_and_cannot_leave_its_attribute() {
        let faults = Faults::new(vec![FieldFault::new("name", "characters", "only <letters>")]);
        let shown = Field::text("name", "Name")
            .value("\"><script>alert(1)</script>")
            .wrong(&faults)
            .to_string();
        assert!(!shown.contains("<script>"), "{shown}");
        assert!(
            shown.contains("aria-invalid=\"true\"") && shown.contains("only &#60;letters&#62;"),
            "{shown}"
        );
    }

    #[test]
    fn no_fault_is_swallowed() {
        let faults = Faults::new(vec![
            FieldFault::new("command[2]", "characters", "no NUL"),
            FieldFault::new("commander", "unknown", "what is that"),
        ]);
        assert_eq!(faults.of("command"), ["no NUL"]);
        assert_eq!(faults.beside(&["command"]), ["commander: what is that"]);
    }
}
