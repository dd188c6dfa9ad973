//! Where a running instance listens, as a file that scripts and the client commands read.
//!
//! `<state>/run/endpoints.json` is written once all listeners answer, replaced at the next start and
//! removed at stop; it holds the bound addresses, so that port 0 works. A Host and a node that are two programs on one
//! state folder each say and take back their own part of it.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use watchroom_kit::files;

/// The addresses of one running instance. Parts that do not run are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The panel and the API (`https://host:port`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// The operations listener (`http://127.0.0.1:port`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ops: Option<String>,
    /// The node's own dashboard (`http://127.0.0.1:port`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The Unix socket on which the API answers the machine's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
}

impl Endpoints {
    /// The folder that holds the file and, usually, the socket.
    #[must_use]
    pub fn folder(state: &Path) -> PathBuf {
        state.join("run")
    }

    /// The file itself.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        Self::folder(state).join("endpoints.json")
    }

    /// Where the socket is when nothing forces it elsewhere.
    #[must_use]
    pub fn usual_socket(state: &Path) -> PathBuf {
        Self::folder(state).join("host.sock")
    }

    /// Adds these addresses to the file, making it and its folder if they are missing. What another program on this
    /// state folder has said of itself stays.
    ///
    /// # Errors
    /// What the system said.
    pub fn publish(&self, state: &Path) -> io::Result<()> {
        let new = self.clone();
        change(state, |all| {
            all.panel = new.panel.or(all.panel.take());
            all.ops = new.ops.or(all.ops.take());
            all.node = new.node.or(all.node.take());
            all.socket = new.socket.or(all.socket.take());
        })
    }

    /// Takes all addresses out of the file at once: what a killed program left behind names ports that are somebody
    /// else's by now. For a program that is both Host and node.
    ///
    /// # Errors
    /// What the system said.
    pub fn withdraw(state: &Path) -> io::Result<()> {
        change(state, |all| *all = Self::default())
    }

    /// Takes the Host's addresses out of the file; an empty one is removed.
    ///
    /// # Errors
    /// What the system said.
    pub fn withdraw_host(state: &Path) -> io::Result<()> {
        change(state, |all| {
            *all = Self {
                node: all.node.take(),
                ..Self::default()
            }
        })
    }

    /// Takes the node's address out of the file; an empty one is removed.
    ///
    /// # Errors
    /// What the system said.
    pub fn withdraw_node(state: &Path) -> io::Result<()> {
        change(state, |all| all.node = None)
    }

    /// Reads the file; `None` if there is none, which means that nothing runs on this state folder.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(state: &Path) -> io::Result<Option<Self>> {
        match fs::read(Self::path(state)) {
            Ok(content) => serde_json::from_slice(&content)
                .map(Some)
                .map_err(io::Error::other),
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Changes the file while no other program does: a Host and a node may share a state folder.
fn change(state: &Path, change: impl FnOnce(&mut Endpoints)) -> io::Result<()> {
    let folder = Endpoints::folder(state);
    files::private_folder(&folder).map_err(io::Error::other)?;
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(files::PRIVATE_FILE)
        .open(folder.join("endpoints.lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    // A file that cannot be read names nobody who could still be found by it.
    let mut endpoints = Endpoints::read(state).ok().flatten().unwrap_or_default();
    change(&mut endpoints);
    let path = Endpoints::path(state);
    if endpoints == Endpoints::default() {
        return match fs::remove_file(&path) {
            Err(other) if other.kind() != io::ErrorKind::NotFound => Err(other),
            _ => Ok(()),
        };
    }
    let mut content = serde_json::to_vec(&endpoints).map_err(io::Error::other)?;
    content.push(b'\n');
    files::replace(&path, &content, files::PRIVATE_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_node_come_and_go_without_losing_the_other() {
        let room = tempfile::tempdir().unwrap();
        let state = room.path().join("state");
        assert_eq!(Endpoints::read(&state).unwrap(), None);
        let host = Endpoints {
            panel: Some("https://[::1]:7443".to_owned()),
            socket: Some(Endpoints::usual_socket(&state)),
            ..Endpoints::default()
        };
        let node = Endpoints {
            node: Some("http://127.0.0.1:5002".to_owned()),
            ..Endpoints::default()
        };
        host.publish(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), Some(host.clone()));
        let text = fs::read_to_string(Endpoints::path(&state)).unwrap();
        assert!(!text.contains("ops"), "{text}");

        node.publish(&state).unwrap();
        let both = Endpoints {
            node: node.node.clone(),
            ..host
        };
        assert_eq!(Endpoints::read(&state).unwrap(), Some(both));
        Endpoints::withdraw_host(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), Some(node.clone()));
        Endpoints::withdraw(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), None);
        node.publish(&state).unwrap();
        Endpoints::withdraw_node(&state).unwrap();
        Endpoints::withdraw_node(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), None);
    }
}
