//! Beginning a session, and giving it a new cookie when it rises.

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::UpdateMany;
use sea_orm::sea_query::Expr;
use watchroom_kit::{Ambient, ExposeSecret, SecretString};
use watchroom_model::{SessionId, UserId};
use watchroom_policy::Trail;

use super::{KnownDevice, SignedIn};
use crate::Identity;
use crate::config::{JwtRules, SessionRules};
use crate::device::KNOWN_S;
use crate::digest::Digest;
use crate::entity::session;
use crate::factors::PASSKEY;
use crate::stamp;

/// When nobody has proven who they are: of a session that began by the word of others alone.
pub(crate) const NEVER: i64 = 0;

/// A cookie nobody has yet, and its hash.
#[derive(Clone, Debug)]
pub(crate) struct NewCookie {
    pub(crate) secret: SecretString,
    pub(crate) digest: Digest,
}

impl NewCookie {
    pub(crate) fn mint(ambient: &Ambient) -> Self {
        let secret = SecretString::from(ambient.entropy.token());
        let digest = Digest::of(secret.expose_secret());
        Self { secret, digest }
    }
}

/// A session about to begin: its row and its cookie.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) row: session::ActiveModel,
    pub(crate) cookie: NewCookie,
}

impl NewSession {
    /// A session for somebody who has just proven who they are; for whoever has not, `proven_at` says so.
    pub(crate) fn mint(
        ambient: &Ambient,
        rules: &SessionRules,
        user: UserId,
        trail: &Trail,
        remember: bool,
    ) -> Self {
        let id = SessionId::mint(ambient);
        let cookie = NewCookie::mint(ambient);
        let now = ambient.clock.now_micros();
        let lasts = if remember {
            rules.remembered_s
        } else {
            rules.longest_s
        };
        let row = session::ActiveModel {
            id: Set(id.to_string()),
            user_id: Set(user.to_string()),
            cookie_hash: Set(cookie.digest.to_string()),
            csrf: Set(ambient.entropy.token()),
            created_at: Set(now),
            last_seen: Set(now),
            expires_at: Set(now + stamp::seconds(lasts)),
            proven_at: Set(now),
            password_at: Set(None),
            factor_at: Set(None),
            remember: Set(remember),
            user_agent: Set(trail.user_agent.as_deref().map(str::to_owned)),
            source_ip: Set(trail.source_ip.map(|address| address.to_string())),
            second_factor: Set(None),
            began_by: Set(None),
            refresh_hash: Set(None),
            rotation_hash: Set(None),
            rotation_before: Set(None),
            rotated_at: Set(None),
        };
        Self { id, row, cookie }
    }

    /// The same for somebody who has just given their password.
    pub(crate) fn by_password(mut self) -> Self {
        self.row.password_at = Set(Some(*self.row.created_at.as_ref()));
        self
    }

    /// The same for somebody whose passkey has made sure of them: it is both, something they have and something they know or
    /// are.
    pub(crate) fn by_passkey(mut self) -> Self {
        self.row.second_factor = Set(Some(PASSKEY.to_owned()));
        self.row.factor_at = Set(Some(*self.row.created_at.as_ref()));
        self.by_password()
    }

    /// The same for a program, which shows no cookie and goes on by this token.
    pub(crate) fn for_program(mut self, rules: &JwtRules, refresh: Digest) -> Self {
        let began = self.row.created_at.as_ref();
        self.row.expires_at = Set(began + stamp::seconds(rules.refresh_s));
        // No act of a person keeps it alive.
        self.row.remember = Set(true);
        self.row.refresh_hash = Set(Some(refresh.to_string()));
        self
    }
}

/// Gives a session another cookie, as part of a change: what the old one had of parts goes with it.
pub(crate) fn give_cookie(update: UpdateMany<session::Entity>, digest: &str) -> UpdateMany<session::Entity> {
    update
        .col_expr(session::Column::CookieHash, Expr::value(digest))
        .col_expr(session::Column::RotationHash, Expr::value(None::<String>))
        .col_expr(session::Column::RotationBefore, Expr::value(None::<String>))
        .col_expr(session::Column::RotatedAt, Expr::value(None::<i64>))
}

impl Identity {
    /// What the browser is told of a session whose row has just been committed; `None` if it has already
    /// ended again, since the account was disabled in the same instant.
    pub(crate) fn signed_in(&self, cookie: NewCookie) -> Option<SignedIn> {
        let session = self.inner.roll.session(cookie.digest)?;
        let lasts = Duration::from_secs(u64::from(self.inner.config.session.remembered_s));
        let max_age = (session.remember && !session.is_half()).then_some(lasts);
        Some(SignedIn {
            cookie: cookie.secret,
            session,
            max_age,
            device: None,
        })
    }

    /// With what the browser is to show at the next sign-in, once this one is whole: a password alone makes nobody known.
    pub(crate) fn known(&self, mut signed_in: SignedIn, shown: Option<&str>) -> SignedIn {
        if !signed_in.session.is_half() {
            let (devices, ambient) = (&self.inner.devices, &self.inner.ambient);
            signed_in.device = Some(KnownDevice {
                cookie: devices.renew(shown, signed_in.session.user, ambient),
                max_age: Duration::from_secs(u64::from(KNOWN_S)),
            });
        }
        signed_in
    }
}
