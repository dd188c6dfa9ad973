//! Grants: a role given at a scope, and what of a list they let a principal see.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchroom_model::{NodeId, ServerId};

use crate::{Resource, Role, Target};

/// Where a grant holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Scope {
    /// Everywhere.
    #[default]
    Everything,
    /// On one node and all that is on it.
    Node(NodeId),
    /// On nodes that carry a label, and all that is on them.
    NodeLabel {
        /// The label's key.
        key: String,
        /// The label's value.
        value: String,
    },
    /// On one server.
    Server(ServerId),
}

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope; it must be everything, node:<id>, node-label:<key>=<value> or server:<id>")]
pub struct ScopeError(String);

impl Scope {
    /// Whether a grant at this scope reaches the resource.
    #[must_use]
    pub fn covers(&self, resource: &Resource) -> bool {
        match self {
            Self::Everything => true,
            Self::Node(node) => resource.on_node() == Some(*node),
            Self::NodeLabel { key, value } => resource.has_node_label(key, value),
            Self::Server(server) => resource.server_id() == Some(*server),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Node(node) => write!(f, "node:{node}"),
            Self::NodeLabel { key, value } => write!(f, "node-label:{key}={value}"),
            Self::Server(server) => write!(f, "server:{server}"),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let wrong = || ScopeError(text.to_owned());
        if text == "everything" {
            return Ok(Self::Everything);
        }
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "node" => rest.parse().map(Self::Node).map_err(|_| wrong()),
            "server" => rest.parse().map(Self::Server).map_err(|_| wrong()),
            "node-label" => {
                let (key, value) = rest.split_once('=').ok_or_else(wrong)?;
                Ok(Self::NodeLabel {
                    key: key.to_owned(),
                    value: value.to_owned(),
                })
            }
            _ => Err(wrong()),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;
    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

/// A role given to a principal at a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What is given.
    pub role: Arc<Role>,
    /// Where it holds.
    pub scope: Scope,
    /// Where it came from, for explanations: `directly`, `group ops`.
    pub source: Arc<str>,
}

/// What of a list a principal may see, as a condition for the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing at all.
    Nothing,
    /// All of it.
    Everything,
    /// Only what one of these covers.
    Within {
        /// All on these nodes.
        nodes: BTreeSet<NodeId>,
        /// All on nodes that carry one of these labels.
        node_labels: BTreeSet<(String, String)>,
        /// These servers.
        servers: BTreeSet<ServerId>,
    },
}

impl Reach {
    /// Whether one thing is within reach. Most people see all or nothing of a kind: then the thing is not even
    /// asked what it is.
    #[must_use]
    pub fn covers(&self, thing: &impl Target) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Within {
                nodes,
                node_labels,
                servers,
            } => {
                let resource = thing.resource();
                resource.on_node().is_some_and(|node| nodes.contains(&node))
                    || resource
                        .server_id()
                        .is_some_and(|server| servers.contains(&server))
                    || node_labels
                        .iter()
                        .any(|(key, value)| resource.has_node_label(key, value))
            }
        }
    }
}
