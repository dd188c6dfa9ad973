//! What a client may say: which topics it wishes to hear of. It says nothing that reaches another client.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use uuid::Uuid;

use crate::FeedItem;

/// Most bytes of a message, all its fragments together.
pub(super) const MOST_BYTES: usize = 4 * 1024;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Asked {
    /// To hear of topics, and of what happened to them after the last thing it has heard of.
    Subscribe {
        topics: Vec<String>,
        after: Option<String>,
    },
    /// To hear of topics no longer.
    Unsubscribe { topics: Vec<String> },
}

/// What one can hear of: all of a kind that one may see, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The audit log has grown.
    Audit,
    /// The list of machines that wish to join has changed.
    JoinRequests,
    /// Nodes.
    Nodes,
    /// One node.
    Node(Uuid),
    /// Servers.
    Servers,
    /// One server.
    Server(Uuid),
}

impl Topic {
    /// Whether something is about this.
    pub(super) fn holds(self, item: &FeedItem) -> bool {
        let (kind, one) = self.parts();
        item.kind() == kind && (one.is_none() || item.about() == one)
    }

    /// The kind, as its events are called, and which one of it.
    const fn parts(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Audit => ("audit", None),
            Self::JoinRequests => ("join_request", None),
            Self::Nodes => ("node", None),
            Self::Node(id) => ("node", Some(id)),
            Self::Servers => ("server", None),
            Self::Server(id) => ("server", Some(id)),
        }
    }
}

/// A text that names no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such topic")]
pub struct NoTopic;

impl FromStr for Topic {
    type Err = NoTopic;

    fn from_str(text: &str) -> Result<Self, NoTopic> {
        let one = |id: &str| Uuid::try_parse(id).map_err(|_| NoTopic);
        match text.split_once(':') {
            None => match text {
                "audit" => Ok(Self::Audit),
                "join_request" => Ok(Self::JoinRequests),
                "node" => Ok(Self::Nodes),
                "server" => Ok(Self::Servers),
                _ => Err(NoTopic),
            },
            Some(("node", id)) => one(id).map(Self::Node),
            Some(("server", id)) => one(id).map(Self::Server),
            Some(_) => Err(NoTopic),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (kind, Some(id)) => write!(f, "{kind}:{id}"),
            (kind, None) => f.write_str(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_they_are_written() {
        let id = "0198c0de-0000-7000-8000-000000000000";
        for text in ["audit", "join_request", "node", "server"] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for kind in ["node", "server"] {
            let text = format!("{kind}:{id}");
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
        for text in [
            "", "*", "servers", "server:", "server:1", "audit:1", "server:*", ":",
        ] {
            assert_eq!(text.parse::<Topic>(), Err(NoTopic), "{text}");
        }
    }

    #[test]
    fn a_message_is_one_of_two_and_has_nothing_else_in_it() {
        let read = |text: &str| serde_json::from_str::<Asked>(text);
        let topics = || vec!["server".to_owned()];
        assert_eq!(
            read(r#"{"do":"subscribe","topics":["server"]}"#).unwrap(),
            Asked::Subscribe {
                topics: topics(),
                after: None
            }
        );
        assert_eq!(
            read(r#"{"do":"unsubscribe","topics":["server"]}"#).unwrap(),
            Asked::Unsubscribe { topics: topics() }
        );
        for wrong in [
            "",
            "[]",
            r#"{"do":"publish","topics":["server"]}"#,
            r#"{"do":"subscribe"}"#,
            r#"{"do":"subscribe","topics":"server"}"#,
            r#"{"do":"subscribe","topics":[],"data":{}}"#,
            r#"{"do":"subscribe","topics":[]} {}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
