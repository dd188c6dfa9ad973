//! Typed ids: UUIDv7 (RFC 9562) that cannot be mistaken for one another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use watchroom_kit::Ambient;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id.
            #[must_use]
            pub fn mint(ambient: &Ambient) -> Self {
                Self(ambient.uuid())
            }

            /// The id inside.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

typed_id! {
    /// A person's account.
    UserId;
    /// A machine that runs the node agent.
    NodeId;
    /// A server that a node supervises.
    ServerId;
    /// A browser session.
    SessionId;
    /// An API token.
    TokenId;
    /// One request to the Host, made by the shield.
    RequestId;
    /// One decision of the evaluator, to be explained later.
    DecisionId;
    /// Long work with progress.
    OperationId;
    /// A machine's wish to join.
    JoinRequestId;
    /// An invitation to join.
    JoinTokenId;
    /// A ban.
    BanId;
    /// A second factor of a person.
    FactorId;
    /// A lockout.
    LockoutId;
    /// A lock on a person, a token, a node, a role or everything.
    LockId;
    /// A role that somebody was given.
    GrantId;
    /// A group of people.
    GroupId;
    /// One try at a password.
    GuessId;
    /// A text that looks like a token and is none.
    DecoyId;
    /// A browser that somebody has signed in with.
    DeviceId;
    /// Who a person is at a directory or provider.
    OutsideId;
    /// A letter that waits to be delivered.
    LetterId;
    /// A one-time link.
    LinkId;
}
