//! What a lock is on, as it is written: `user:<id>`, `token:<id>`, `node:<id>`, `role:<name>`, `everything`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use watchroom_model::{NodeId, TokenId, UserId};

/// What a lock is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum LockTarget {
    /// A person, with all their sessions and tokens.
    User(UserId),
    /// One token.
    Token(TokenId),
    /// A node: its link is cut. What runs there goes on.
    Node(NodeId),
    /// A role: it gives nothing; what its holders hold beside it they keep.
    Role(String),
    /// Everybody and every node but the Host's own; the Unix socket goes on.
    Everything,
}

/// A text that names nothing that can be locked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names nothing to lock; it must be user:<id>, token:<id>, node:<id>, role:<name> or everything"
)]
pub struct LockTargetError(String);

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Node(id) => write!(f, "node:{id}"),
            Self::Role(name) => write!(f, "role:{name}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

impl FromStr for LockTarget {
    type Err = LockTargetError;

    fn from_str(text: &str) -> Result<Self, LockTargetError> {
        if text == "everything" {
            return Ok(Self::Everything);
        }
        let named = text.split_once(':').and_then(|(kind, rest)| match kind {
            "user" => rest.parse().ok().map(Self::User),
            "token" => rest.parse().ok().map(Self::Token),
            "node" => rest.parse().ok().map(Self::Node),
            "role" if !rest.is_empty() => Some(Self::Role(rest.to_owned())),
            _ => None,
        });
        named.ok_or_else(|| LockTargetError(text.to_owned()))
    }
}

impl From<LockTarget> for String {
    fn from(target: LockTarget) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for LockTarget {
    type Error = LockTargetError;

    fn try_from(text: String) -> Result<Self, LockTargetError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let id = "0198c2f4-6d1e-7cc3-98c4-dc0c0c07398f";
        for text in [
            format!("user:{id}"),
            format!("token:{id}"),
            format!("node:{id}"),
            "role:operator".to_owned(),
            "everything".to_owned(),
        ] {
            let target: LockTarget = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
        }
        for wrong in [
            "",
            "user",
            "user:",
            "user:alice",
            "role:",
            "Everything",
            "server:1",
            "everything:",
        ] {
            assert!(wrong.parse::<LockTarget>().is_err(), "{wrong}");
        }
    }
}
