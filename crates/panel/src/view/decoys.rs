//! Decoys on the page *Security*: paths that nobody has a reason to ask for, and tokens that open nothing.

use watchroom_identity::DecoyView;

use super::profile::Issued;
use super::{Command, Faults, Field, Moment};
use crate::text::EN;

/// One decoy token.
#[derive(Clone, Debug)]
pub(crate) struct DecoyRow {
    /// What is known of it.
    pub(crate) decoy: DecoyView,
    /// When it was made.
    pub(crate) made: Moment,
    /// When somebody tried it last.
    pub(crate) touched: Option<Moment>,
}

impl From<DecoyView> for DecoyRow {
    fn from(decoy: DecoyView) -> Self {
        Self {
            made: Moment::full(decoy.created_at),
            touched: decoy.touched_at.map(Moment::full),
            decoy,
        }
    }
}

/// What was typed into the form for a new decoy.
#[derive(Clone, Debug, Default)]
pub(crate) struct DecoyTyped {
    /// Its name.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) faults: Faults,
}

/// Decoy tokens, for those who manage tokens.
#[derive(Debug)]
pub(crate) struct DecoyTokens {
    /// The oldest first.
    pub(crate) rows: Vec<DecoyRow>,
    /// Whether the viewer may make one.
    pub(crate) may_make: bool,
    /// Whether the viewer may remove them.
    pub(crate) may_remove: bool,
    /// The one that was just made.
    pub(crate) issued: Option<Issued>,
    /// What the next one is called.
    pub(crate) name: Field,
    /// The same by command.
    pub(crate) command: Command,
}

impl DecoyTokens {
    /// These, with the form as it was typed; `may` says whether the viewer may make one, and remove them.
    pub(crate) fn new(
        rows: Vec<DecoyRow>,
        typed: &DecoyTyped,
        issued: Option<Issued>,
        may: (bool, bool),
    ) -> Self {
        let name = Field::text("name", EN.decoy_name)
            .hint(EN.decoy_name_hint)
            .value(typed.name.as_str())
            .required()
            .wrong(&typed.faults)
            .within("decoy");
        Self {
            rows,
            may_make: may.0,
            may_remove: may.1,
            issued,
            // The form stands far down: without this nobody sees what is wrong with it.
            name: if name.is_right() { name } else { name.focus() },
            command: Command::new(
                &["token", "decoy", "create", "--name", "old-backup"],
                "POST",
                "/api/security/decoys",
                Some(r#"{"name":"old-backup"}"#),
            ),
        }
    }
}
