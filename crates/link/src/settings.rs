//! The link's times and bounds, each with its reason.

use std::time::Duration;

/// Largest message of the link, in bytes: a snapshot of some ten thousand servers.
pub(crate) const LARGEST_MESSAGE: usize = 16 << 20;
/// Calls that may run on one link at once. Orders share them with consoles, so they are far more than the
/// consoles that the fleet lets people open on one node; a bound against a runaway Host.
pub(crate) const MOST_CALLS: u32 = 2_048;
/// How many calls that were given up may wait for the node to look at them. Viewers who all leave at once give
/// up theirs together, and more than this would end the link for everybody; the Host has proven who it is.
pub(crate) const MOST_GIVEN_UP: usize = 65_536;
/// Bytes that the Host takes ahead on one call. Small, so that a viewer who does not read holds little.
pub(crate) const CALL_WINDOW: u32 = 128 << 10;
/// Bytes that the Host takes ahead on all calls together: more than the consoles that the fleet allows could
/// hold if none of their viewers read, so that answers and heartbeats always have room beside them.
pub(crate) const LINK_WINDOW: u32 = 64 << 20;
/// Bytes of text in one message of a console. The Host keeps a few of them for each viewer.
pub(crate) const CONSOLE_PIECE: usize = 128 << 10;

/// The link's times. The defaults are right for both ends; tests make them short.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// The version this end speaks of itself. Default: that of this build.
    pub version: String,
    /// How often a node speaks. Default 5 s.
    pub heartbeat_every: Duration,
    /// How often an end asks whether the other is still there. Default 10 s.
    pub keep_alive_every: Duration,
    /// How long it waits for that answer before the link is lost. Default 10 s.
    pub keep_alive_patience: Duration,
    /// How long a connection, handshake or hello may take. Default 10 s.
    pub hello_patience: Duration,
    /// How long the opening of a stream may take; orders bring their own. Default 10 s.
    pub call_patience: Duration,
    /// How long the link of another agent with the same key may take to show that it is alive. Default 5 s: a
    /// machine that came back from a power cut waits that long, once.
    pub probe_patience: Duration,
    /// How long calls that run on a link may go on when the next one has taken over. Default 5 min, longer
    /// than any order takes.
    pub drain_patience: Duration,
    /// How often a node looks whether its certificate is to be renewed. Default 30 s.
    pub renewal_looked_for_every: Duration,
    /// One certificate in this time is given to a node that wishes again and again; its next wish waits. Default 1 min:
    /// each costs a signature and an audit entry, and an honest node wishes one a day, and one for each new CA.
    pub certificates_apart: Duration,
    /// So many it is given at once after a rest. Default 8: people who try out new CAs need not wait for each.
    pub certificates_at_once: u32,
    /// First wait of a node that lost its Host; doubled each time. Default 500 ms.
    pub retry_first: Duration,
    /// Longest such wait. Default 30 s, so that a Host that comes back has all its nodes within a minute.
    pub retry_most: Duration,
    /// How many events a slow receiver may be behind before it must read the state anew. Default 4096.
    pub events_kept: usize,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            heartbeat_every: Duration::from_secs(5),
            keep_alive_every: Duration::from_secs(10),
            keep_alive_patience: Duration::from_secs(10),
            hello_patience: Duration::from_secs(10),
            call_patience: Duration::from_secs(10),
            probe_patience: Duration::from_secs(5),
            drain_patience: Duration::from_secs(300),
            renewal_looked_for_every: Duration::from_secs(30),
            certificates_apart: Duration::from_secs(60),
            certificates_at_once: 8,
            retry_first: Duration::from_millis(500),
            retry_most: Duration::from_secs(30),
            events_kept: 4_096,
        }
    }
}
