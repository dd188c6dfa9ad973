//! One of the server's outgoing pipes, read as fast as it is filled.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use watchroom_model::console::Source;

use crate::console::{Intake, Writer};

/// Bytes read at once; one time stamp holds for all of them.
pub(super) const CHUNK: usize = 64 << 10;
/// Chunks read before others get a turn.
const TURN: usize = 8;

/// A pipe that the server writes to.
#[derive(Debug)]
pub(super) struct Outlet {
    pipe: Option<File>,
    source: Source,
    intake: Intake,
}

impl Outlet {
    /// Reads from `pipe`, which is non-blocking.
    pub(super) fn new(pipe: Option<OwnedFd>, source: Source) -> Self {
        Self {
            pipe: pipe.map(File::from),
            source,
            intake: Intake::default(),
        }
    }

    /// The pipe, until its stream has ended.
    pub(super) fn pipe(&self) -> Option<&File> {
        self.pipe.as_ref()
    }

    /// Moves what is there to the console.
    pub(super) fn read(&mut self, buffer: &mut [u8], writer: &mut Writer, at_micros: i64) {
        for _ in 0..TURN {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(buffer) {
                Ok(0) => return self.close(writer, at_micros),
                Ok(len) => {
                    let chunk = buffer.get(..len).unwrap_or_default();
                    writer.gather(self.source, at_micros, |lines| self.intake.take(chunk, lines));
                    if len < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.close(writer, at_micros),
            }
        }
    }

    /// The stream has ended: an unfinished line is shown.
    pub(super) fn close(&mut self, writer: &mut Writer, at_micros: i64) {
        self.pipe = None;
        writer.gather(self.source, at_micros, |lines| self.intake.finish(lines));
    }
}
