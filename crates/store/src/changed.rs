//! What a commit changed, told to every cache after it is durable, on every replica.

use std::fmt;
use std::str::FromStr;

use watchroom_model::{BanId, LockId, LockoutId, NodeId, ServerId, SessionId, TokenId, UserId};

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
    /// A ban: made, confirmed or lifted.
    Ban(BanId),
    /// A lockout: made or lifted.
    Lockout(LockoutId),
    /// A lock: made or lifted.
    Lock(LockId),
    /// A role or a group: made, changed or removed.
    Roles,
    /// Decoy tokens: laid out or removed.
    Decoys,
    /// The cluster CAs: a rotation began or is over.
    Authorities,
    /// The key ring: there is a new key.
    Keys,
    /// The outbox: there is a letter more.
    Letters,
    /// The audit log grew.
    Audit,
    /// Nobody can say what: changes of another replica may have been missed. Everything is reread.
    Everything,
}

/// As replicas tell each other: a word and what it is about.
impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user {id}"),
            Self::Session(id) => write!(f, "session {id}"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::Node(id) => write!(f, "node {id}"),
            Self::Server(id) => write!(f, "server {id}"),
            Self::Ban(id) => write!(f, "ban {id}"),
            Self::Lockout(id) => write!(f, "lockout {id}"),
            Self::Lock(id) => write!(f, "lock {id}"),
            Self::Roles => f.write_str("roles"),
            Self::Decoys => f.write_str("decoys"),
            Self::Authorities => f.write_str("authorities"),
            Self::Keys => f.write_str("keys"),
            Self::Letters => f.write_str("letters"),
            Self::Audit => f.write_str("audit"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// A word that we do not know, of a newer replica, may mean anything.
impl FromStr for Changed {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, id) = text.split_once(' ').unwrap_or((text, ""));
        let known = match word {
            "user" => id.parse().ok().map(Self::User),
            "session" => id.parse().ok().map(Self::Session),
            "token" => id.parse().ok().map(Self::Token),
            "node" => id.parse().ok().map(Self::Node),
            "server" => id.parse().ok().map(Self::Server),
            "ban" => id.parse().ok().map(Self::Ban),
            "lockout" => id.parse().ok().map(Self::Lockout),
            "lock" => id.parse().ok().map(Self::Lock),
            "roles" => Some(Self::Roles),
            "decoys" => Some(Self::Decoys),
            "authorities" => Some(Self::Authorities),
            "keys" => Some(Self::Keys),
            "letters" => Some(Self::Letters),
            "audit" => Some(Self::Audit),
            _ => None,
        };
        Ok(known.unwrap_or(Self::Everything))
    }
}
