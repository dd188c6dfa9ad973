//! Browser sessions: what one is, how it begins, goes on, rises and ends.
//!
//! A session ends eight hours after the person's last act and a day after it began, or thirty days after
//! it began where they asked to be remembered; at sign-out, a change of password, and when the account is
//! disabled. The cookie is 256 random bits, of which only the hash is kept. A program that signed in by name and
//! password has a session too, which no cookie opens (`access`).

mod begin;
mod end;
mod live;
mod prune;
mod rotation;
mod step_up;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::SecretString;
use watchroom_model::{SessionId, UserId};
use watchroom_policy::{Principal, Resource, ResourceKind, STEP_UP_FRESH, SecondFactor, Target};

pub(crate) use begin::{NEVER, NewCookie, NewSession, give_cookie};
pub(crate) use end::end_sessions;
pub(crate) use rotation::Rotation;
pub use step_up::{Again, StepUpError};

use crate::entity::session;
use crate::stamp;

/// How long somebody has to prove the second factor after the first, in seconds.
const TO_PROVE_S: u32 = 300;

/// A browser that has proven who sits before it.
#[derive(Debug)]
pub struct Session {
    /// Its id; it stays when the cookie changes.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The person as the evaluator sees them, with all grants and what this session has proven.
    pub principal: Arc<Principal>,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// Whether the person asked to be remembered.
    pub remember: bool,
    /// What the browser said it was when it signed in.
    pub user_agent: Option<Arc<str>>,
    /// The address from which it signed in.
    pub source_ip: Option<IpAddr>,
    /// Whether a program goes on by it, with tokens, and no browser with its cookie.
    pub is_program: bool,
    /// How its cookie changed, and when.
    rotation: Option<Rotation>,
    rotated_at: Option<i64>,
    csrf: String,
    /// When it began, or the person last proved who they are.
    stood_at: i64,
    /// The end, whatever the person does.
    ends_at: i64,
    /// How long without an act, unless remembered.
    idle: Option<i64>,
    /// The last act; rises only.
    seen: AtomicI64,
    /// The last act that the database was told of.
    saved: AtomicI64,
}

impl Session {
    pub(crate) fn new(
        row: session::Model,
        id: SessionId,
        source_ip: Option<IpAddr>,
        principal: Arc<Principal>,
        user: UserId,
        (idle, rotation): (Duration, Option<Rotation>),
    ) -> Self {
        Self {
            id,
            user,
            principal,
            created_at: stamp::at(row.created_at),
            remember: row.remember,
            user_agent: row.user_agent.map(Into::into),
            source_ip,
            is_program: row.refresh_hash.is_some(),
            rotation,
            rotated_at: row.rotated_at,
            csrf: row.csrf,
            stood_at: row.created_at.max(row.proven_at),
            ends_at: row.expires_at,
            idle: (!row.remember).then(|| stamp::span(idle)),
            seen: AtomicI64::new(row.last_seen),
            saved: AtomicI64::new(row.last_seen),
        }
    }

    /// When it ends unless the person does something before.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        stamp::at(self.ends())
    }

    /// When the person last did something.
    #[must_use]
    pub fn last_seen(&self) -> OffsetDateTime {
        stamp::at(self.seen.load(Ordering::Relaxed))
    }

    /// Whether a second factor is still to be proven or enrolled: until then it may do nothing else, and not for long.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.principal.proof.second_factor.is_lacking()
    }

    pub(crate) fn csrf(&self) -> &str {
        &self.csrf
    }

    pub(crate) fn is_over(&self, now: i64) -> bool {
        now >= self.ends()
    }

    fn ends(&self) -> i64 {
        match self.principal.proof.second_factor {
            SecondFactor::ToProve => return self.ends_at.min(self.stood_at + stamp::seconds(TO_PROVE_S)),
            // Later the way in would no longer be fresh, and enrolling needs that.
            SecondFactor::ToEnrol => return self.ends_at.min(self.stood_at + stamp::span(STEP_UP_FRESH)),
            SecondFactor::NotNeeded | SecondFactor::Proven => {}
        }
        let seen = self.seen.load(Ordering::Relaxed);
        self.idle
            .map_or(self.ends_at, |idle| self.ends_at.min(seen.saturating_add(idle)))
    }

    /// Takes over when the same session was last seen, which the database learns of later.
    pub(crate) fn carry_over(&self, before: &Self) {
        if let (Some(rotation), Some(before)) = (&self.rotation, &before.rotation) {
            rotation.carry_over(before);
        }
        self.seen
            .fetch_max(before.seen.load(Ordering::Relaxed), Ordering::Relaxed);
        self.saved
            .fetch_max(before.saved.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Target for Session {
    fn resource(&self) -> Resource {
        Resource::all(ResourceKind::Session)
    }
}

/// A session that has just begun or risen: the only moment at which its cookie is known.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie's value, 256 random bits.
    pub cookie: SecretString,
    /// The session.
    pub session: Arc<Session>,
    /// The cookie's `Max-Age` where the person asked to be remembered; else it ends with the browser.
    pub max_age: Option<Duration>,
    /// After a sign-in: what the browser is to show at the next one, and for how long.
    pub device: Option<KnownDevice>,
}

/// By which a browser that somebody has signed in with is known again.
#[derive(Debug)]
pub struct KnownDevice {
    /// The cookie's value. It opens nothing.
    pub cookie: String,
    /// The cookie's `Max-Age`.
    pub max_age: Duration,
}

/// A session as people see it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// What the browser said it was.
    pub user_agent: Option<String>,
    /// The address from which it signed in.
    pub source_ip: Option<String>,
    /// Whether it is a program's, which goes on by tokens, and not a browser's.
    pub is_program: bool,
    /// Whether the person asked to be remembered.
    pub remember: bool,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the person last did something.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
    /// When it ends unless they do something before.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            user_agent: session.user_agent.as_deref().map(str::to_owned),
            source_ip: session.source_ip.map(|address| address.to_string()),
            is_program: session.is_program,
            remember: session.remember,
            created_at: session.created_at,
            last_seen: session.last_seen(),
            expires_at: session.expires_at(),
        }
    }
}
