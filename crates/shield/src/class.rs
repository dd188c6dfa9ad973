//! What kind of route a request is for: limits, body sizes and deadlines hang on it.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::{Inspected, RouteLimit};

/// The kinds of routes the edge tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteClass {
    /// Files that are the same for everybody.
    Static,
    /// Whether we live; accepts any host name and is never limited.
    Health,
    /// A sign-in attempt.
    SignIn,
    /// A page of the panel.
    Page,
    /// Reads of the API.
    Read,
    /// Changes by the API or a form.
    Change,
    /// What browsers report by themselves: a few a minute for each address, counted apart.
    Report,
    /// What is delicate or costly: few requests a minute for each person.
    Sensitive,
    /// Administration of users, the cluster and security: as few, and from private networks unless configured
    /// otherwise.
    Administration,
    /// What a machine that nobody knows yet may ask: to be let in. A door of its own may be for these alone.
    Join,
    /// What a machine that is a node already says by its own certificate. A door of its own may be for these alone.
    Node,
    /// Answers without an end: event streams, sockets, downloads. No handler deadline.
    Stream,
}

/// What the application says about the route of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteRule {
    /// Its kind.
    pub class: RouteClass,
    /// The largest body in bytes, where it differs from the configured default.
    pub body_limit: Option<usize>,
    /// Whether it may be asked for from everywhere and by any host name, whatever is allowed: set-up is, so that nobody
    /// is locked out of a machine they rent.
    pub is_for_all_networks: bool,
    /// Whether a client may go on in another protocol on the same connection.
    pub may_upgrade: bool,
    /// Fields that hold free text: what looks like an attack there is only reported, and made safe by escaping.
    pub free_text: &'static [&'static str],
    /// Fields that hold secrets, which are never inspected: they may look like anything, and a finding would tell
    /// something of them.
    pub secrets: &'static [&'static str],
    /// Whether its input is inspected.
    pub inspected: Inspected,
    /// A limit of its own.
    pub limit: Option<RouteLimit>,
}

impl RouteRule {
    /// A route of this kind with the configured sizes.
    #[must_use]
    pub const fn new(class: RouteClass) -> Self {
        Self {
            class,
            body_limit: None,
            is_for_all_networks: false,
            may_upgrade: false,
            free_text: &[],
            secrets: &[],
            inspected: Inspected::Yes,
            limit: None,
        }
    }

    /// The same with fields that hold free text, and fields that hold secrets.
    #[must_use]
    pub const fn with_fields(
        self,
        free_text: &'static [&'static str],
        secrets: &'static [&'static str],
    ) -> Self {
        Self {
            free_text,
            secrets,
            ..self
        }
    }

    /// The same without inspection, for a reason.
    #[must_use]
    pub const fn uninspected(self, reason: &'static str) -> Self {
        Self {
            inspected: Inspected::No(reason),
            ..self
        }
    }

    /// The same with a body limit of its own, in bytes.
    #[must_use]
    pub const fn with_body_limit(self, bytes: usize) -> Self {
        Self {
            body_limit: Some(bytes),
            ..self
        }
    }

    /// The same with a limit of its own.
    #[must_use]
    pub const fn with_limit(self, limit: RouteLimit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// The same, with another protocol to go on in.
    #[must_use]
    pub const fn with_upgrade(self) -> Self {
        Self {
            may_upgrade: true,
            ..self
        }
    }

    /// The same, to be asked for from everywhere and by any host name.
    #[must_use]
    pub const fn for_all_networks(self) -> Self {
        Self {
            is_for_all_networks: true,
            ..self
        }
    }
}

/// Says which kind of route a request is for. Called once per request, so it must be quick.
pub trait Classify: Send + Sync + 'static {
    /// The rule for a method and a path (undecoded, without the query).
    fn classify(&self, method: &Method, path: &str) -> RouteRule;
}

impl<F> Classify for F
where
    F: Fn(&Method, &str) -> RouteRule + Send + Sync + 'static,
{
    fn classify(&self, method: &Method, path: &str) -> RouteRule {
        self(method, path)
    }
}
