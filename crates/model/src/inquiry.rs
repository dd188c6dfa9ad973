//! What a node is asked to show, and in whose name.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::console::ConsoleFrom;
use crate::{DecisionId, ServerId};

/// Who asks a node for something, by the Host's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// As the audit log calls them.
    pub principal: String,
    /// As people call them.
    pub by: String,
    /// The Host's decision that allowed it.
    pub decision: DecisionId,
}

/// What can be looked at on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "look", rename_all = "snake_case")]
pub enum Look {
    /// The node as it is now.
    Status,
    /// What its machine did.
    Metrics {
        /// Only what was measured later, by the node's own clock.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
    /// Who is in the jail of the machine's fail2ban.
    Jail,
    /// A server's console.
    Console {
        /// Of which server.
        server: ServerId,
        /// From where on.
        from: ConsoleFrom,
        /// Without end, or only what there is.
        follow: bool,
    },
}

/// A look with all that travels with it. The Host signs it for one node and for a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// What is to be shown.
    pub look: Look,
    /// To whom.
    pub asker: Asker,
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Ambient;

    use super::*;

    #[test]
    fn every_look_survives_the_wire() {
        let ambient = Ambient::system();
        let asker = Asker {
            principal: "user:alice".to_owned(),
            by: "alice".to_owned(),
            decision: DecisionId::mint(&ambient),
        };
        let looks = [
            Look::Status,
            Look::Jail,
            Look::Metrics {
                since: time::macros::datetime!(2026-03-01 12:00 UTC),
            },
            Look::Console {
                server: ServerId::mint(&ambient),
                from: ConsoleFrom::Offset(7),
                follow: true,
            },
        ];
        for look in looks {
            let inquiry = Inquiry {
                look,
                asker: asker.clone(),
            };
            let text = serde_json::to_string(&inquiry).unwrap();
            assert!(text.starts_with("{\"look\":{\"look\":"), "{text}");
            assert_eq!(serde_json::from_str::<Inquiry>(&text).unwrap(), inquiry);
        }
    }
}
