//! The server's standard input: lines wait in a bounded queue, and each order's line is sent once.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::process::ChildStdin;

/// Bytes that may wait for a server that does not read.
const MOST_WAITING: usize = 64 << 10;
/// Keys remembered, so that an agent that asks again after a crash does not send twice.
const KEYS: usize = 1_024;

/// The server's standard input and what waits for it.
#[derive(Debug)]
pub(super) struct Input {
    pipe: Option<ChildStdin>,
    waiting: VecDeque<u8>,
    keys: VecDeque<String>,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way.
    Now,
    /// It was sent before, under the same key.
    Before,
}

impl Input {
    /// The input at the other end of `pipe`.
    pub(super) fn new(pipe: Option<ChildStdin>) -> Self {
        Self {
            pipe,
            waiting: VecDeque::new(),
            keys: VecDeque::new(),
        }
    }

    /// The pipe, while something waits for it: for polling.
    pub(super) fn wanting(&self) -> Option<&ChildStdin> {
        self.pipe.as_ref().filter(|_| !self.waiting.is_empty())
    }

    /// Queues a line.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn send(&mut self, key: &str, text: &str) -> Result<Sent, String> {
        if !key.is_empty() && self.keys.iter().any(|known| known == key) {
            return Ok(Sent::Before);
        }
        if self.pipe.is_none() {
            return Err("the server has closed its standard input; it takes no lines any more".into());
        }
        if self.waiting.len() + text.len() >= MOST_WAITING {
            return Err("the server does not read its standard input; try again when it does".into());
        }
        self.waiting
            .extend(text.bytes().filter(|byte| *byte != b'\n').chain([b'\n']));
        if !key.is_empty() {
            self.keys.push_back(key.to_owned());
            let surplus = self.keys.len().saturating_sub(KEYS);
            self.keys.drain(..surplus);
        }
        self.flush();
        Ok(Sent::Now)
    }

    /// Writes what the server will take.
    pub(super) fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let Some(pipe) = &mut self.pipe else { break };
            match pipe.write(self.waiting.as_slices().0) {
                Ok(len) => drop(self.waiting.drain(..len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // The reading end is closed: the next line is refused by name.
                    self.pipe = None;
                    self.waiting.clear();
                }
            }
        }
    }
}
