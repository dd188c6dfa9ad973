//! The agents that are connected: usually one; after its death, the dead one's end and the new one's.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::protocol::{self, Ask, Tell};

/// How long a growing console waits before it is announced again.
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes a client may leave unread before it is let go.
const PATIENCE: usize = 1 << 20;

/// One connected agent.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: VecDeque<u8>,
    announced: u64,
    announced_at: Duration,
}

impl Client {
    /// Takes a new connection, which is greeted with `hello`.
    pub(super) fn greet(stream: UnixStream, hello: &Tell) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let outgoing = VecDeque::from(protocol::frame(hello)?);
        Ok(Self {
            stream,
            incoming: Vec::new(),
            outgoing,
            announced: 0,
            announced_at: Duration::ZERO,
        })
    }

    /// For polling.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether something waits to be written.
    pub(super) fn is_behind(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Reads what it asks.
    ///
    /// # Errors
    /// When it has gone, or talks nonsense.
    pub(super) fn asks(&mut self) -> io::Result<Vec<Ask>> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => self
                    .incoming
                    .extend_from_slice(bytes.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.incoming.len() > protocol::LONGEST {
                break;
            }
        }
        let mut asks = Vec::new();
        while let Some(ask) = protocol::unframe(&mut self.incoming)? {
            asks.push(ask);
        }
        Ok(asks)
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// When it has not read for too long.
    pub(super) fn tell(&mut self, tell: &Tell) -> io::Result<()> {
        if self.outgoing.len() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.outgoing.extend(protocol::frame(tell)?);
        Ok(())
    }

    /// Announces that the console has grown, unless that was just done; says how long to wait then.
    ///
    /// # Errors
    /// As [`Client::tell`].
    pub(super) fn announce(&mut self, next_offset: u64, now: Duration) -> io::Result<Option<Duration>> {
        if self.announced == next_offset || self.is_behind() {
            return Ok(None);
        }
        let since = now.saturating_sub(self.announced_at);
        if since < PAUSE {
            return Ok(Some(PAUSE.saturating_sub(since)));
        }
        (self.announced, self.announced_at) = (next_offset, now);
        self.tell(&Tell::Newest { next_offset })?;
        Ok(None)
    }

    /// Writes what it will take.
    ///
    /// # Errors
    /// When it has gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.stream.write(self.outgoing.as_slices().0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => drop(self.outgoing.drain(..len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says the last word, with a little patience, and closes.
    pub(super) fn part(mut self, tell: &Tell) {
        let said = self.stream.set_nonblocking(false).and_then(|()| {
            self.stream.set_write_timeout(Some(Duration::from_millis(500)))?;
            self.tell(tell)?;
            self.flush()
        });
        // An agent that is gone reads the ending from its record on disk.
        drop(said);
    }
}
