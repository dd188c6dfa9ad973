//! How long somebody may listen: what ends an event stream or a WebSocket that nobody closes, within a second.

use std::time::Duration;

use watchroom_kit::Tasks;

use crate::Caller;

/// How often it is made sure that somebody may still listen.
const CHECKED_EVERY: Duration = Duration::from_millis(500);

/// What whoever may listen no longer is told, as the data of `ended`.
pub(crate) const ENDED: &str = "{\"why\":\"session\"}";

/// Why somebody hears no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Their address is kept out.
    Barred,
    /// What they showed is good no longer.
    Ended,
    /// They may do other things than when they came. They come back, and are told what they may hear now.
    Changed,
    /// The house shuts down.
    Stopping,
}

impl Caller {
    /// Resolves when the caller may listen no longer, or the house shuts down. Nothing that a slow reader does, or does not
    /// do, keeps it from that.
    pub(crate) async fn until_over(&self, tasks: &Tasks) -> Over {
        let mut tick = tokio::time::interval(CHECKED_EVERY);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = tasks.stopped() => return Over::Stopping,
            }
            if self.is_barred() {
                return Over::Barred;
            }
            if !self.is_still_good() {
                return Over::Ended;
            }
            if !self.holds_the_same() {
                return Over::Changed;
            }
        }
    }
}
