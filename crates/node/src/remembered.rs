//! What the agent's memory keeps of who its machine is, for when no agent runs: beside the machine's own file.
//!
//! The statement is text that the machine has signed; what it says is nobody's business here.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use watchroom_audit::{Draft, Outcome};
use watchroom_kit::{Ambient, files};
use watchroom_model::NodeName;
use watchroom_policy::EventType;

use crate::OpenError;
use crate::ledger::{self, Ledger};
use crate::memory::{Memory, Record};

/// The memory's copy of who this machine is. It is open only for as long as it takes: the agent opens the
/// same journal.
#[derive(Debug)]
pub struct MachineMemory {
    memory: Memory,
    folder: PathBuf,
    name: NodeName,
    ambient: Ambient,
}

impl MachineMemory {
    /// Of the agent that has its state in `folder`; `name` begins its audit if there is none.
    ///
    /// # Errors
    /// [`OpenError`] if the memory cannot be read.
    pub fn open(folder: &Path, name: &NodeName, ambient: &Ambient) -> Result<Self, OpenError> {
        files::private_folder(folder)?;
        Ok(Self {
            memory: Memory::open(&folder.join("journal"), ambient.now())?,
            folder: folder.to_owned(),
            name: name.clone(),
            ambient: ambient.clone(),
        })
    }

    /// The statement, if there is one.
    #[must_use]
    pub fn read(&self) -> Option<&str> {
        self.memory.known.role.as_deref()
    }

    /// Keeps a statement; the node's own audit tells first that `by` did so, and `what` it was. Durable when it returns.
    ///
    /// # Errors
    /// [`OpenError`] if either cannot be written.
    pub fn keep(&mut self, text: String, by: &str, action: &str, what: &str) -> Result<(), OpenError> {
        let now = self.ambient.now();
        let mut extra = Map::new();
        extra.insert("what".to_owned(), Value::from(what));
        extra.insert("by".to_owned(), Value::from(by));
        let entry = Draft {
            timestamp: now,
            event_type: EventType::Security,
            user: by.to_owned(),
            action: action.to_owned(),
            resource: "node".to_owned(),
            result: Outcome::Success,
            source_ip: None,
            user_agent: None,
            request_id: None,
            decision_id: None,
            extra,
        };
        Ledger::open(&ledger::folder(&self.folder), &self.name)?.write(entry)?;
        Ok(self.memory.note(Record::Role { text }, now)?)
    }
}
