//! Whoever acts: a person, a token, a node, the system itself, a stranger, or root on the Unix socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use watchroom_model::{NodeId, NodeName, RequestId, TokenId, UserId, UserName};

use crate::{Grant, PermissionSet};

/// How long a proof counts as fresh for acts that need step-up.
pub const STEP_UP_FRESH: Duration = Duration::from_secs(600);

/// Who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Nobody known: sign-in, set-up, join requests.
    Stranger,
    /// A person.
    User {
        /// Their account.
        id: UserId,
        /// What they sign in with.
        name: UserName,
    },
    /// An API token acting for its owner.
    Token {
        /// The token.
        id: TokenId,
        /// Whose it is.
        owner: UserId,
        /// What the owner signs in with.
        owner_name: UserName,
        /// Whether it was made to pass step-up.
        may_be_sensitive: bool,
    },
    /// A node.
    Node {
        /// Which.
        id: NodeId,
        /// Its name.
        name: NodeName,
    },
    /// Watchroom itself: schedules, pruning, recovery.
    System,
    /// uid 0 or the Host's own user on the Unix socket: break-glass, with every permission.
    Local {
        /// The operating system's name for them.
        os_user: String,
    },
}

/// What has been proven of who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// When a password, code or passkey was last given in this session.
    pub fresh_at: Option<OffsetDateTime>,
    /// When the password was.
    pub password: Given,
    /// When a second factor was. A passkey whose authenticator made sure of its person is both.
    pub factor: Given,
    /// How they stand with second factors.
    pub second_factor: SecondFactor,
}

impl Proof {
    /// Whether anything was given in the last ten minutes.
    #[must_use]
    pub fn is_fresh(&self, now: OffsetDateTime) -> bool {
        self.fresh_at.is_some_and(|at| now - at <= STEP_UP_FRESH)
    }

    /// Whether everything that the account has was.
    #[must_use]
    pub fn is_whole(&self, now: OffsetDateTime) -> bool {
        self.is_fresh(now) && !self.password.is_wanted(now) && !self.factor.is_wanted(now)
    }
}

/// When somebody last gave one of the things by which they prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// The account has no such thing.
    NotHad,
    /// It has, and it was not given in this session; or nobody has said.
    #[default]
    Never,
    /// Then.
    At(OffsetDateTime),
}

impl Given {
    /// Whether it is to be given where a whole proof is asked for.
    #[must_use]
    pub fn is_wanted(self, now: OffsetDateTime) -> bool {
        match self {
            Self::NotHad => false,
            Self::Never => true,
            Self::At(at) => now - at > STEP_UP_FRESH,
        }
    }
}

/// How a principal stands with second factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// None is needed.
    #[default]
    NotNeeded,
    /// One was proven.
    Proven,
    /// There is one, and it has not been proven: no permissions at all.
    ToProve,
    /// One is required and there is none yet: no permissions at all, but leave to enrol the first.
    ToEnrol,
}

impl SecondFactor {
    /// Whether one is needed and has not been proven: such a principal has no permissions at all.
    #[must_use]
    pub const fn is_lacking(self) -> bool {
        matches!(self, Self::ToProve | Self::ToEnrol)
    }
}

/// Whoever acts, with what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub who: Who,
    /// The roles they hold, and where.
    pub grants: Vec<Grant>,
    /// For tokens: no more than this, whatever the owner holds.
    pub ceiling: Option<PermissionSet>,
    /// What has been proven.
    pub proof: Proof,
    /// Until when a lock keeps them from everything.
    pub locked_until: Option<OffsetDateTime>,
}

impl Principal {
    /// The token by which they act, if they do.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        match &self.who {
            Who::Token { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Nobody known.
    #[must_use]
    pub fn stranger() -> Self {
        Self::plain(Who::Stranger)
    }

    /// Watchroom itself.
    #[must_use]
    pub fn system() -> Self {
        Self::plain(Who::System)
    }

    /// A node.
    #[must_use]
    pub fn node(id: NodeId, name: NodeName) -> Self {
        Self::plain(Who::Node { id, name })
    }

    /// Somebody on the Unix socket whom the socket has already admitted.
    #[must_use]
    pub fn local(os_user: impl Into<String>) -> Self {
        Self::plain(Who::Local {
            os_user: os_user.into(),
        })
    }

    fn plain(who: Who) -> Self {
        Self {
            who,
            grants: Vec::new(),
            ceiling: None,
            proof: Proof::default(),
            locked_until: None,
        }
    }

    /// Whether a lock keeps them from everything now.
    #[must_use]
    pub fn is_locked(&self, now: OffsetDateTime) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    /// The account acting, itself or through a token.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.who {
            Who::User { id, .. } | Who::Token { owner: id, .. } => Some(*id),
            Who::Stranger | Who::Node { .. } | Who::System | Who::Local { .. } => None,
        }
    }

    /// What the audit chain calls them: people by their pseudonymous id alone.
    #[must_use]
    pub fn audit_name(&self) -> String {
        match &self.who {
            Who::Stranger => "anonymous".to_owned(),
            Who::User { id, .. } => id.to_string(),
            Who::Token { id, owner, .. } => format!("{owner} token:{id}"),
            Who::Node { id, .. } => format!("node:{id}"),
            Who::System => "system".to_owned(),
            Who::Local { os_user } => format!("local:{os_user}"),
        }
    }

    /// What people call them ("stopped by alice").
    #[must_use]
    pub fn display_name(&self) -> String {
        match &self.who {
            Who::Stranger => "somebody".to_owned(),
            Who::User { name, .. } | Who::Token { owner_name: name, .. } => name.to_string(),
            Who::Node { name, .. } => name.to_string(),
            Who::System => "watchroom".to_owned(),
            Who::Local { os_user } => format!("{os_user} (local)"),
        }
    }

    /// Requests a minute: the most generous of the roles held.
    #[must_use]
    pub fn per_minute(&self) -> Option<u32> {
        self.grants.iter().map(|grant| grant.role.per_minute).max()
    }
}

/// Where an act came from: what the audit log keeps of the request around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The request, if one led to it.
    pub request_id: Option<RequestId>,
    /// What the client itself calls the request; untrusted text, by which it finds it again.
    pub client_request_id: Option<Arc<str>>,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// What the client says it is; untrusted text, shortened by the shield.
    pub user_agent: Option<Arc<str>>,
}
