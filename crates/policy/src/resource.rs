//! What an act is done to, as far as the evaluator needs to know it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use watchroom_model::{
    BanId, DecisionId, DecoyId, GrantId, GroupId, JoinRequestId, JoinTokenId, LockId, LockoutId, NodeId,
    ServerId, TokenId, UserId,
};

/// The kinds of thing there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The Host itself: sign-in, set-up, settings.
    Host,
    /// A node.
    Node,
    /// A server.
    Server,
    /// A person's account.
    User,
    /// A browser session.
    Session,
    /// An API token.
    Token,
    /// The audit log.
    Audit,
    /// A machine's wish to join.
    JoinRequest,
    /// An invitation to join.
    JoinToken,
    /// A banned address or network.
    Ban,
    /// A locked sign-in.
    Lockout,
    /// A decoy token.
    Decoy,
    /// A lock on somebody or something.
    Lock,
    /// A decision that went against somebody.
    Decision,
    /// A role.
    Role,
    /// A role that somebody was given.
    Grant,
    /// A group of people.
    Group,
}

impl ResourceKind {
    /// Its word, as in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Node => "node",
            Self::Server => "server",
            Self::User => "user",
            Self::Session => "session",
            Self::Token => "token",
            Self::Audit => "audit",
            Self::JoinRequest => "join_request",
            Self::JoinToken => "join_token",
            Self::Ban => "ban",
            Self::Lockout => "lockout",
            Self::Decoy => "decoy",
            Self::Lock => "lock",
            Self::Decision => "decision",
            Self::Role => "role",
            Self::Grant => "grant",
            Self::Group => "group",
        }
    }
}

/// One thing, or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    kind: ResourceKind,
    id: Option<Cow<'static, str>>,
    /// What a person calls it; only shown in explanations, never hashed into the audit chain.
    label: Option<Arc<str>>,
    owner: Option<UserId>,
    node: Option<NodeId>,
    node_labels: Option<Arc<BTreeMap<String, String>>>,
    server: Option<ServerId>,
}

/// A thing that acts are done to.
pub trait Target {
    /// How the evaluator sees it.
    fn resource(&self) -> Resource;
}

impl Target for Resource {
    fn resource(&self) -> Resource {
        self.clone()
    }
}

impl Resource {
    /// All things of a kind, or the only one.
    #[must_use]
    pub const fn all(kind: ResourceKind) -> Self {
        Self {
            kind,
            id: None,
            label: None,
            owner: None,
            node: None,
            node_labels: None,
            server: None,
        }
    }

    /// A node with its labels.
    #[must_use]
    pub fn node(id: NodeId, labels: Arc<BTreeMap<String, String>>) -> Self {
        let text = Cow::Owned(id.to_string());
        Self {
            id: Some(text),
            node: Some(id),
            node_labels: Some(labels),
            ..Self::all(ResourceKind::Node)
        }
    }

    /// A server on a node with that node's labels.
    #[must_use]
    pub fn server(id: ServerId, node: NodeId, node_labels: Arc<BTreeMap<String, String>>) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            node: Some(node),
            node_labels: Some(node_labels),
            server: Some(id),
            ..Self::all(ResourceKind::Server)
        }
    }

    /// A person's account, which that person owns.
    #[must_use]
    pub fn user(id: UserId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            owner: Some(id),
            ..Self::all(ResourceKind::User)
        }
    }

    /// A token with its owner.
    #[must_use]
    pub fn token(id: TokenId, owner: UserId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            owner: Some(owner),
            ..Self::all(ResourceKind::Token)
        }
    }

    /// A machine's wish to join.
    #[must_use]
    pub fn join_request(id: JoinRequestId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::JoinRequest)
        }
    }

    /// An invitation to join.
    #[must_use]
    pub fn join_token(id: JoinTokenId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::JoinToken)
        }
    }

    /// A ban.
    #[must_use]
    pub fn ban(id: BanId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Ban)
        }
    }

    /// A lockout.
    #[must_use]
    pub fn lockout(id: LockoutId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Lockout)
        }
    }

    /// A decoy token.
    #[must_use]
    pub fn decoy(id: DecoyId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Decoy)
        }
    }

    /// A lock.
    #[must_use]
    pub fn lock(id: LockId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Lock)
        }
    }

    /// A decision, which the person whom it went against may ask about.
    #[must_use]
    pub fn decision(id: DecisionId, owner: Option<UserId>) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            owner,
            ..Self::all(ResourceKind::Decision)
        }
    }

    /// A role, by its name.
    #[must_use]
    pub fn role(name: &str) -> Self {
        Self {
            id: Some(Cow::Owned(name.to_owned())),
            ..Self::all(ResourceKind::Role)
        }
    }

    /// A role that somebody was given.
    #[must_use]
    pub fn grant(id: GrantId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Grant)
        }
    }

    /// A group of people.
    #[must_use]
    pub fn group(id: GroupId) -> Self {
        Self {
            id: Some(Cow::Owned(id.to_string())),
            ..Self::all(ResourceKind::Group)
        }
    }

    /// The same thing with the name people give it, for explanations.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// Its id, unless all of a kind are meant.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Who owns it, for things that belong to a person.
    #[must_use]
    pub const fn owner(&self) -> Option<UserId> {
        self.owner
    }

    /// The node it is or is on.
    #[must_use]
    pub const fn on_node(&self) -> Option<NodeId> {
        self.node
    }

    /// The server it is.
    #[must_use]
    pub const fn server_id(&self) -> Option<ServerId> {
        self.server
    }

    /// Whether the node it is on carries this label.
    #[must_use]
    pub fn has_node_label(&self, key: &str, value: &str) -> bool {
        self.node_labels
            .as_deref()
            .and_then(|labels| labels.get(key))
            .is_some_and(|held| held == value)
    }

    /// Its name for people: the label if there is one, else `kind:id`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.label {
            Some(label) => format!("{} {label}", self.kind.word()),
            None => self.to_string(),
        }
    }
}

/// `kind:id`, or the kind alone; what the audit log records.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{}:{id}", self.kind.word()),
            None => f.write_str(self.kind.word()),
        }
    }
}
