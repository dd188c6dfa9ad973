//! What happens at the entrance, told to whoever defends it.

use std::net::IpAddr;

use watchroom_model::{DecoyId, RequestId};
use watchroom_policy::Trail;

use crate::Identity;

/// How many events a listener may be behind before it misses some.
pub(crate) const BACKLOG: usize = 1_024;

/// Something that happened at the entrance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntranceEvent {
    /// A sign-in or step-up failed, or was tried at a locked account; or somebody came back from a provider whom it did not
    /// vouch for, or who is not let in.
    SignInFailed {
        /// From where.
        from: IpAddr,
        /// The name that was typed, or the provider's, as a digest with a key of this process: people type passwords there.
        name: [u8; 32],
        /// Whether it was the failure that locked the account for that network.
        locks: bool,
        /// The request.
        request_id: Option<RequestId>,
    },
    /// Somebody showed a decoy token.
    DecoyToken {
        /// From where.
        from: IpAddr,
        /// Which.
        decoy: DecoyId,
        /// The request.
        request_id: Option<RequestId>,
    },
}

impl Identity {
    /// Tells those who defend the entrance. The line in the log is what `contrib/fail2ban` reads: one for each
    /// failure, and of what was typed nothing.
    pub(crate) fn tell_failed_sign_in(&self, trail: &Trail, name: &str, locks: bool) {
        let Some(from) = trail.source_ip.map(|from| from.to_canonical()) else {
            return;
        };
        let request_id = trail.request_id;
        tracing::warn!(
            client.address = %from,
            request.id = request_id.map(tracing::field::display),
            "a sign-in failed"
        );
        // Nobody listening is no trouble: the log has it.
        drop(self.inner.events.send(EntranceEvent::SignInFailed {
            from,
            name: self.inner.lockouts.digest(name),
            locks,
            request_id,
        }));
    }
}
