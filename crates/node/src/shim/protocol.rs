//! How agent and shim talk: frames of a length (4 bytes, little endian) and JSON, over a Unix socket.
//!
//! A shim lives for as long as its server, so an agent meets shims older than itself: words are only
//! ever added, with defaults, and the shim's version is the first thing it says.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watchroom_model::StopSignal;

use super::papers::{Ended, Running};

/// The version of what follows.
pub(crate) const VERSION: u32 = 1;
/// Longest frame, in bytes.
pub(crate) const LONGEST: usize = 64 << 10;
/// Longest path a Unix socket's address can hold, without its final NUL.
const LONGEST_ADDRESS: usize = 107;

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Comes back with the answer.
    pub seq: u64,
    /// What is asked.
    pub what: Request,
}

/// What a shim can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Send a line to the server. Once per key: the shim outlives an agent that asks twice.
    Line {
        /// The order's key; empty for the agent's own lines.
        key: String,
        /// The line, without its end.
        text: String,
    },
    /// Write a remark to the console.
    Note {
        /// The remark.
        text: String,
    },
    /// Send a signal to the server's process group.
    Signal {
        /// Which.
        signal: StopSignal,
    },
    /// End everything of the server at once.
    Kill,
}

/// What the shim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum Tell {
    /// The first frame of each connection.
    Hello {
        /// The shim's [`VERSION`].
        version: u32,
        /// What runs.
        running: Running,
        /// The number of the next console line.
        next_offset: u64,
    },
    /// The console has grown up to here.
    Newest {
        /// The number of the next line.
        next_offset: u64,
    },
    /// An answer.
    Answer {
        /// To which question.
        seq: u64,
        /// Why not, if it was not done.
        refused: Option<String>,
    },
    /// The server has ended, and the shim is about to.
    Ended(Ended),
}

/// What the shim says on its standard output to the agent that started it, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "birth", rename_all = "snake_case")]
pub(crate) enum Birth {
    /// The server runs and the socket listens.
    Running(Running),
    /// It could not be started.
    Failed {
        /// Which run.
        run: Option<Uuid>,
        /// A stable word.
        code: String,
        /// The cause and the next step.
        why: String,
    },
}

/// A frame around `message`.
pub(crate) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let len = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST);
    let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long"))?;
    Ok([&len.to_le_bytes(), body.as_slice()].concat())
}

/// Takes the first whole frame out of `bytes`; `None` if it is not whole yet.
///
/// # Errors
/// If these are no frames of ours.
pub(crate) fn unframe<T: DeserializeOwned>(bytes: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
    if len > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the frame is too long",
        ));
    }
    let Some(body) = rest.get(..len) else {
        return Ok(None);
    };
    let message = serde_json::from_slice(body)?;
    bytes.drain(..4 + len);
    Ok(Some(message))
}

/// A socket's path in a form short enough for an address: through its open folder if need be. The
/// descriptor must stay open while the path is used.
pub(crate) fn short(path: &Path) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    if path.as_os_str().len() <= LONGEST_ADDRESS {
        return Ok((path.to_owned(), None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let folder = openat(
        CWD,
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let through = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok((through, Some(folder)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_back_in_order_however_they_are_cut(texts in proptest::collection::vec("\\PC{0,20}", 1..8), step in 1_usize..40) {
            let asks: Vec<Ask> = (0..).zip(&texts).map(|(seq, text)| Ask { seq, what: Request::Note { text: text.clone() } }).collect();
            let stream: Vec<u8> = asks.iter().flat_map(|ask| frame(ask).unwrap()).collect();
            let (mut bytes, mut seen) = (Vec::new(), Vec::new());
            for chunk in stream.chunks(step) {
                bytes.extend_from_slice(chunk);
                while let Some(ask) = unframe::<Ask>(&mut bytes).unwrap() {
                    seen.push(ask);
                }
            }
            prop_assert_eq!(seen, asks);
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = unframe::<Ask>(&mut bytes.clone());
        }
    }

    #[test]
    fn a_deep_folder_still_has_a_socket() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("deep".repeat(40));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("shim.sock");
        let (bind, _held) = short(&path).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(bind).unwrap();
        let (connect, _held) = short(&path).unwrap();
        std::os::unix::net::UnixStream::connect(connect).unwrap();
        assert!(path.exists());
    }
}
