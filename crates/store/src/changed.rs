//! What a commit changed, told to every cache after it is durable.

use watchroom_model::{NodeId, ServerId, SessionId, TokenId, UserId};

/// One thing that is no longer as it was. Listeners reread what they hold of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// An account, its roles or its state.
    User(UserId),
    /// A session: made, proven again or ended.
    Session(SessionId),
    /// A token: made or revoked.
    Token(TokenId),
    /// A node's record.
    Node(NodeId),
    /// A server's record.
    Server(ServerId),
    /// The audit log grew.
    Audit,
}
