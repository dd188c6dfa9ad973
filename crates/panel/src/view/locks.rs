//! What is locked, and the form for one more.

use askama::Template;
use watchroom_identity::{LockTarget, LockView};

use super::{Choice, Command, Faults, Field, Moment, Shell};
use crate::text::{EN, Text};

/// One lock.
#[derive(Debug)]
pub(crate) struct LockRow {
    lock: LockView,
    what: &'static str,
    name: String,
    since: Moment,
    until: Moment,
}

impl LockRow {
    /// Of this lock; `node` is what people call the node that it is on.
    pub(crate) fn new(lock: LockView, node: Option<String>) -> Self {
        let what = match lock.target {
            LockTarget::User(_) => EN.lock_user,
            LockTarget::Token(_) => EN.lock_token,
            LockTarget::Node(_) => EN.lock_node,
            LockTarget::Role(_) => EN.lock_role,
            LockTarget::Everything => EN.lock_everything,
        };
        Self {
            what,
            name: node.or_else(|| lock.name.clone()).unwrap_or_default(),
            since: Moment::full(lock.created_at),
            until: Moment::full(lock.until),
            lock,
        }
    }
}

/// What was typed into the form for a new lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct LockTyped {
    /// What kind of thing.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// For how many seconds.
    pub(crate) for_s: String,
    /// Why.
    pub(crate) reason: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/locks.html")]
pub(crate) struct LocksPage {
    t: &'static Text,
    shell: Shell,
    rows: Vec<LockRow>,
    may_lock: bool,
    needs_proof: bool,
    kind: Choice,
    name: Field,
    lasts: Choice,
    reason: Field,
    wrong: Vec<String>,
    command: Command,
}

impl LocksPage {
    /// The page with the form as it was typed; `may` says whether the viewer may lock, and whether acts want their
    /// password.
    pub(crate) fn new(shell: Shell, rows: Vec<LockRow>, typed: &LockTyped, may: (bool, bool)) -> Self {
        let kinds = [
            ("user", EN.lock_user),
            ("token", EN.lock_token),
            ("node", EN.lock_node),
            ("role", EN.lock_role),
            ("everything", EN.lock_everything),
        ];
        let spans = [
            ("900", EN.lock_quarter),
            ("7200", EN.lock_two_hours),
            ("28800", EN.lock_eight_hours),
            ("86400", EN.lock_day),
            ("604800", EN.lock_week),
        ];
        let owned = |pairs: [(&str, &str); 5]| {
            pairs
                .map(|(value, words)| (value.to_owned(), words.to_owned()))
                .to_vec()
        };
        let chosen = |typed: &str, usual: &str| {
            if typed.is_empty() {
                usual.to_owned()
            } else {
                typed.to_owned()
            }
        };
        Self {
            t: &EN,
            shell,
            rows,
            may_lock: may.0,
            needs_proof: may.1,
            kind: Choice::new("kind", EN.lock_what, owned(kinds), chosen(&typed.kind, "user")),
            name: Field::text("target", EN.lock_name)
                .hint(EN.lock_name_hint)
                .value(typed.name.as_str())
                .wrong(&typed.faults),
            lasts: Choice::new("for_s", EN.lock_for, owned(spans), chosen(&typed.for_s, "7200"))
                .wrong(&typed.faults),
            reason: Field::text("reason", EN.why)
                .value(typed.reason.as_str())
                .required()
                .wrong(&typed.faults),
            wrong: typed.faults.beside(&["target", "for_s", "reason", "password"]),
            command: Command::new(
                &[
                    "lock",
                    "user",
                    "alice",
                    "--for",
                    "2h",
                    "--reason",
                    "a stolen laptop",
                ],
                "POST",
                "/api/locks",
                Some(r#"{"target":"role:viewer","for_s":7200,"reason":"a drill"}"#),
            ),
        }
    }

    /// The field for the password that an act wants, if it wants one; `form` tells it from others of the page.
    pub(crate) fn password(&self, form: &str) -> Option<Field> {
        let field = Field::password("password", EN.password, "current-password").hint(EN.proof_hint);
        self.needs_proof.then(|| field.within(form))
    }
}
