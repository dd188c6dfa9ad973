//! What follows from two copies of who a machine is.

use std::fmt;

use watchroom_kit::FaultKind;
use watchroom_trust::NodeKey;

use super::{Identity, Statement, Unbelieved};
use crate::failure::Failure;

/// One of the two copies, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// There is none.
    Missing,
    /// There is one that is not believed.
    Unbelieved(Unbelieved),
    /// The machine signed it.
    Sound(Statement),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is neither.
    Unknown,
    /// Both say the same.
    Agreed(Statement),
    /// The file is missing, or was not changed any more.
    RestoreFile(Statement),
    /// The same for the other copy.
    RestoreMemory(Statement),
    /// A person has to decide.
    Disagree {
        /// What the file says.
        file: Copy,
        /// What the other copy says.
        memory: Copy,
    },
}

impl Copy {
    pub(crate) fn of(text: Option<&[u8]>, key: &NodeKey) -> Self {
        match text.map(|text| Statement::read(text, key)) {
            None => Self::Missing,
            Some(Ok(statement)) => Self::Sound(statement),
            Some(Err(unbelieved)) => Self::Unbelieved(unbelieved),
        }
    }

    /// What it says, believed or not.
    pub(crate) fn identity(&self) -> Option<Identity> {
        match self {
            Self::Missing => None,
            Self::Unbelieved(unbelieved) => unbelieved.identity,
            Self::Sound(statement) => Some(*statement.identity()),
        }
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.identity()) {
            (Self::Unbelieved(unbelieved), Some(identity)) => write!(f, "{identity} ({})", unbelieved.why),
            (Self::Unbelieved(unbelieved), None) => {
                write!(f, "nothing that can be read ({})", unbelieved.why)
            }
            (_, Some(identity)) => identity.fmt(f),
            (_, None) => f.write_str("nothing"),
        }
    }
}

impl Verdict {
    /// Compares the two.
    pub(crate) fn of(file: Copy, memory: Copy) -> Self {
        match (file, memory) {
            (Copy::Missing, Copy::Missing) => Self::Unknown,
            (Copy::Sound(file), Copy::Missing) => Self::RestoreMemory(file),
            (Copy::Missing, Copy::Sound(memory)) => Self::RestoreFile(memory),
            (Copy::Sound(file), Copy::Sound(memory)) if file.identity() == memory.identity() => {
                Self::Agreed(file)
            }
            (Copy::Sound(file), Copy::Sound(memory)) if file.is_after(&memory) => Self::RestoreMemory(file),
            (Copy::Sound(file), Copy::Sound(memory)) if memory.is_after(&file) => Self::RestoreFile(memory),
            (file, memory) => Self::Disagree { file, memory },
        }
    }
}

/// The start that a disagreement stops; `memory_is` names the other copy.
pub(crate) fn stopped(file: &Copy, memory: &Copy, memory_is: &str) -> Failure {
    let cause =
        format!("who this machine is cannot be told: role.toml says {file}; {memory_is} says {memory}");
    Failure::new(FaultKind::Conflict, cause).next_step(
        "find out which is right, then run `watchroom role-file repair --from file` or \
         `watchroom role-file repair --from database` with the same --state and --config",
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use watchroom_model::MachineRole;

    use super::*;

    fn sound(key: &NodeKey, role: MachineRole, before: Option<&Statement>) -> Statement {
        let identity = Identity {
            role,
            cluster: "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap(),
            node: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        };
        Statement::sign(identity, before, key, datetime!(2026-01-01 12:00 UTC)).unwrap()
    }

    #[test]
    fn a_change_that_was_cut_off_between_the_copies_is_finished_and_nothing_else_is_guessed() {
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::open_or_make(folder.path()).unwrap();
        let host = sound(&key, MachineRole::Host, None);
        let both = sound(&key, MachineRole::Both, Some(&host));
        let third = sound(&key, MachineRole::Node, Some(&both));
        let verdict = |file: &Statement, memory: &Statement| {
            Verdict::of(Copy::Sound(file.clone()), Copy::Sound(memory.clone()))
        };
        assert_eq!(verdict(&host, &both), Verdict::RestoreFile(both.clone()));
        assert_eq!(verdict(&both, &host), Verdict::RestoreMemory(both.clone()));
        assert!(matches!(verdict(&host, &third), Verdict::Disagree { .. }));
        let forged = Unbelieved {
            identity: None,
            why: "forged".to_owned(),
        };
        let forged = Copy::Unbelieved(forged);
        // Not even if the other is missing, or sound: somebody has been there.
        for other in [Copy::Missing, Copy::Sound(both)] {
            let verdict = Verdict::of(forged.clone(), other);
            assert!(matches!(verdict, Verdict::Disagree { .. }), "{verdict:?}");
        }
    }
}
