//! What happens at the entrance, told to whoever defends it.

use std::net::IpAddr;

use watchroom_model::{DecoyId, RequestId};

/// How many events a listener may be behind before it misses some.
pub(crate) const BACKLOG: usize = 1_024;

/// Something that happened at the entrance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntranceEvent {
    /// A sign-in or step-up failed, or was tried at a locked account.
    SignInFailed {
        /// From where.
        from: IpAddr,
        /// The name that was typed, as a digest with a key of this process: people type passwords there.
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
