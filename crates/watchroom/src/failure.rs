//! How a command ends when it does not succeed: cause, fields, next step, request id and exit code.

use std::fmt::Write as _;

use watchroom_kit::{Fault, FaultKind, FieldFault};

/// A failed command, ready to be told to a person and to a script. Every [`Fault`] becomes one; a fault's
/// members `request_id`, `decision_id` and `next_step` are shown under the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Told>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    cause: String,
    fields: Vec<FieldFault>,
    next_step: Option<String>,
    request_id: Option<String>,
    decision_id: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// A failure of this kind with its cause, as a clause.
    pub fn new(kind: FaultKind, cause: impl Into<String>) -> Self {
        Self(Box::new(Told {
            cause: cause.into(),
            fields: Vec::new(),
            next_step: None,
            request_id: None,
            decision_id: None,
            exit_code: kind.exit_code(),
        }))
    }

    /// The reader of our output went away: nothing to tell, and nothing went wrong.
    #[must_use]
    pub fn hung_up() -> Self {
        let mut silent = Self::new(FaultKind::Internal, String::new());
        silent.0.exit_code = 0;
        silent
    }

    /// A command that did its work and found something wrong: exit code 1, the finding is told elsewhere.
    #[must_use]
    pub fn found(cause: impl Into<String>) -> Self {
        Self::new(FaultKind::Conflict, cause)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn next_step(mut self, step: impl Into<String>) -> Self {
        self.0.next_step = Some(step.into());
        self
    }

    /// 1 failed, 2 bad usage, 3 refused by policy, 4 not reachable.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// The lines for standard error.
    #[must_use]
    pub fn render(&self, is_colored: bool) -> String {
        if self.0.exit_code == 0 {
            return String::new();
        }
        let (on, off) = if is_colored {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        let mut text = format!("{on}error:{off} {}\n", self.0.cause);
        for field in &self.0.fields {
            line(&mut text, &field.field, &field.message);
        }
        for (label, value) in [
            ("next step", &self.0.next_step),
            ("request id", &self.0.request_id),
            ("decision id", &self.0.decision_id),
        ] {
            if let Some(value) = value {
                line(&mut text, label, value);
            }
        }
        text
    }
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label}: {value}");
}

impl<E: Fault> From<E> for Failure {
    fn from(fault: E) -> Self {
        let mut failure = Self::new(fault.kind(), fault.to_string());
        failure.0.fields = fault.fields();
        for (name, value) in fault.members() {
            let text = value.as_str().map(str::to_owned);
            match name {
                "request_id" => failure.0.request_id = text,
                "decision_id" => failure.0.decision_id = text,
                "next_step" => failure.0.next_step = text,
                _ => {}
            }
        }
        failure
    }
}
