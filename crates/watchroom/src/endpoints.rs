//! Where a running instance listens, as a file that scripts and the client commands read.
//!
//! `<state>/run/endpoints.json` is written once all listeners answer, replaced at the next start and
//! removed at stop; it holds the bound addresses, so that port 0 works.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

    /// Writes the file, wholly or not at all, making its folder if it is missing.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&self, state: &Path) -> io::Result<()> {
        files::private_folder(&Self::folder(state)).map_err(io::Error::other)?;
        let mut content = serde_json::to_vec(self).map_err(io::Error::other)?;
        content.push(b'\n');
        files::replace(&Self::path(state), &content, files::PRIVATE_FILE)
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

    /// Removes the file; that it was not there is fine.
    ///
    /// # Errors
    /// What the system said.
    pub fn remove(state: &Path) -> io::Result<()> {
        match fs::remove_file(Self::path(state)) {
            Err(other) if other.kind() != io::ErrorKind::NotFound => Err(other),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_is_removed() {
        let room = tempfile::tempdir().unwrap();
        let state = room.path().join("state");
        assert_eq!(Endpoints::read(&state).unwrap(), None);
        let endpoints = Endpoints {
            panel: Some("https://[::1]:7443".to_owned()),
            socket: Some(Endpoints::usual_socket(&state)),
            ..Endpoints::default()
        };
        endpoints.write(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), Some(endpoints));
        let text = fs::read_to_string(Endpoints::path(&state)).unwrap();
        assert!(!text.contains("ops"), "{text}");
        Endpoints::remove(&state).unwrap();
        Endpoints::remove(&state).unwrap();
        assert_eq!(Endpoints::read(&state).unwrap(), None);
    }
}
