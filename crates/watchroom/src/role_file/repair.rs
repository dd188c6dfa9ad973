//! A person has decided which of the two copies is right: both say the same again, signed by this machine.

use std::path::Path;

use clap::ValueEnum;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_trust::NodeKey;

use super::{Copy, Identity, RoleFile, Statement};
use crate::failure::Failure;

/// Which copy is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The file role.toml
    File,
    /// The Host's database; on a node its agent's memory
    Database,
}

/// The two copies, found for a repair; nothing of this machine runs.
pub(crate) struct Found {
    key: NodeKey,
    on_disk: RoleFile,
    /// What the file says.
    pub(crate) file: Copy,
    /// What the other says.
    pub(crate) memory: Copy,
}

/// What both are to say.
pub(crate) struct Chosen {
    statement: Statement,
    /// Whether the chosen copy bears no signature of this machine's key.
    pub(crate) was_unsigned: bool,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Repaired {
    /// What the file said.
    pub(crate) file: Copy,
    /// What the other said.
    pub(crate) memory: Copy,
    /// What both say now.
    pub(crate) now: Identity,
}

impl Found {
    /// Reads the file; `memory` is the text of the other copy.
    ///
    /// # Errors
    /// If file or key cannot be read.
    pub(crate) fn read(state: &Path, memory: Option<&str>) -> Result<Self, Failure> {
        let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
        let on_disk = RoleFile::of(state);
        Ok(Self {
            file: on_disk.read(&key)?,
            memory: Copy::of(memory.map(str::as_bytes), &key),
            on_disk,
            key,
        })
    }

    /// What the copy of this side says, signed anew in the place of what the other says.
    ///
    /// # Errors
    /// If it says nothing.
    pub(crate) fn choose(&self, side: Side, ambient: &Ambient) -> Result<Chosen, Failure> {
        let (right, wrong, other) = match side {
            Side::File => (&self.file, &self.memory, "database"),
            Side::Database => (&self.memory, &self.file, "file"),
        };
        let identity = right.identity().ok_or_else(|| {
            let cause = format!("the copy to repair from says {right}");
            Failure::new(FaultKind::Conflict, cause).next_step(format!(
                "`watchroom role-file repair --from {other}`, or put the copy back from a backup"
            ))
        })?;
        let before = match wrong {
            Copy::Sound(before) => Some(before),
            Copy::Missing | Copy::Unbelieved(_) => None,
        };
        Ok(Chosen {
            statement: Statement::sign(identity, before, &self.key, ambient.now())?,
            was_unsigned: !matches!(right, Copy::Sound(_)),
        })
    }

    /// Writes the file, once the other copy is kept.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn finish(self, chosen: &Chosen) -> Result<Repaired, Failure> {
        self.on_disk.write(&chosen.statement)?;
        Ok(Repaired {
            file: self.file,
            memory: self.memory,
            now: *chosen.statement.identity(),
        })
    }
}

impl Chosen {
    /// What it says.
    pub(crate) const fn statement(&self) -> &Statement {
        &self.statement
    }
}

impl Repaired {
    /// What the audit says of it.
    pub(crate) fn account(found: &Found, chosen: &Chosen, side: Side) -> String {
        let from = match side {
            Side::File => "role.toml",
            Side::Database => "the other copy",
        };
        format!(
            "settled who this machine is from {from}: {}; before, role.toml said {} and the other copy {}",
            chosen.statement.identity(),
            found.file,
            found.memory
        )
    }
}
