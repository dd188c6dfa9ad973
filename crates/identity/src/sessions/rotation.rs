//! The cookie of a remembered browser changes as long as it lives, so that a copy of it is found out.
//!
//! It has two parts: one names the session and stays, the other changes. Who shows the first with another second part than
//! is good has had the cookie before: it was copied, by them or from them, and nobody can tell. The session ends. While
//! the new cookie was not shown yet, its answer may have been lost, so the one before is still good; and for a minute
//! after, for what was on its way.

use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::SecretString;
use watchroom_model::UserId;
use watchroom_policy::{Permit, Principal, Trail, act};
use watchroom_store::{Changed, StoreError};

use super::Session;
use crate::digest::Digest;
use crate::entity::session;
use crate::{EndError, Identity, stamp};

/// Stands between what names a session and what changes; no other cookie holds it.
const BETWEEN: char = '.';
/// How old a cookie is when it is changed, in seconds.
const EVERY_S: u32 = 3_600;
/// How long the cookie before is good once the new one was shown, in microseconds.
const ON_ITS_WAY: i64 = 60_000_000;
/// Stands where the new cookie was not shown yet.
const NOT_SHOWN: i64 = i64::MIN;

/// What of the cookie is good, and when it was changed.
#[derive(Debug)]
pub(crate) struct Rotation {
    current: Digest,
    /// None where it had no second part yet.
    before: Option<Digest>,
    /// When the current one was first shown to this Host.
    shown_at: AtomicI64,
}

impl Rotation {
    pub(crate) const fn new(current: Digest, before: Option<Digest>) -> Self {
        Self {
            current,
            before,
            shown_at: AtomicI64::new(NOT_SHOWN),
        }
    }

    /// Takes over whether it was shown, where it is the same.
    pub(super) fn carry_over(&self, before: &Self) {
        if self.current == before.current {
            self.shown_at
                .fetch_max(before.shown_at.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }

    fn takes(&self, second: Option<Digest>, now: i64) -> bool {
        if second == Some(self.current) {
            // The first time counts; later ones change nothing.
            let _first = self
                .shown_at
                .compare_exchange(NOT_SHOWN, now, Ordering::SeqCst, Ordering::SeqCst);
            return true;
        }
        let shown_at = self.shown_at.load(Ordering::SeqCst);
        second == self.before && (shown_at == NOT_SHOWN || now < shown_at.saturating_add(ON_ITS_WAY))
    }
}

/// A cookie as a browser shows it.
pub(super) struct Shown<'c> {
    pub(super) name: &'c str,
    second: Option<Digest>,
}

impl<'c> Shown<'c> {
    pub(super) fn of(cookie: &'c str) -> Self {
        match cookie.split_once(BETWEEN) {
            Some((name, second)) => Self {
                name,
                second: Some(Digest::of(second)),
            },
            None => Self {
                name: cookie,
                second: None,
            },
        }
    }
}

/// How a cookie that names a session stands with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    Good,
    /// It never was one of this session's.
    Foreign,
    /// It was replaced, and somebody else may have shown that one.
    Copied,
}

impl Session {
    pub(super) fn judges(&self, shown: &Shown<'_>, now: i64) -> Cookie {
        match &self.rotation {
            None if shown.second.is_none() => Cookie::Good,
            None => Cookie::Foreign,
            Some(rotation) if rotation.takes(shown.second, now) => Cookie::Good,
            Some(_) => Cookie::Copied,
        }
    }

    fn is_due(&self, now: i64) -> bool {
        let changed_at = self.rotated_at.unwrap_or_else(|| stamp::of(self.created_at));
        let is_remembered = self.remember && !self.is_program && !self.is_half();
        is_remembered && now >= changed_at.saturating_add(stamp::seconds(EVERY_S))
    }
}

impl Identity {
    /// The next cookie of a remembered browser that showed this one, and for how many seconds; `None` where it is too soon
    /// for another.
    ///
    /// # Errors
    /// [`EndError`] if that cannot be kept; the cookie is then as good as it was.
    pub async fn rotate_cookie(
        &self,
        permit: &Permit<act::StayActive>,
        session: &Session,
        cookie: &str,
    ) -> Result<Option<(SecretString, u64)>, EndError> {
        let now = self.inner.ambient.clock.now_micros();
        let shown = Shown::of(cookie);
        if !session.is_due(now) || session.judges(&shown, now) != Cookie::Good {
            return Ok(None);
        }
        let next = self.inner.ambient.entropy.token();
        let (id, rotated_at) = (session.id, session.rotated_at);
        let (after, before) = (
            Digest::of(&next).to_string(),
            shown.second.map(|digest| digest.to_string()),
        );
        let is_changed = self.inner.store.write(permit, async move |tx| {
            let update = session::Entity::update_many()
                .col_expr(session::Column::RotationHash, Expr::value(after.clone()))
                .col_expr(session::Column::RotationBefore, Expr::value(before.clone()))
                .col_expr(session::Column::RotatedAt, Expr::value(now))
                .filter(session::Column::Id.eq(id.to_string()))
                // Of two at once one changes it.
                .filter(match rotated_at {
                    Some(at) => session::Column::RotatedAt.eq(at),
                    None => session::Column::RotatedAt.is_null(),
                });
            tx.note_resource(format!("session:{id}"));
            tx.note("cookie", "rotated");
            tx.changed(Changed::Session(id));
            Ok::<_, StoreError>(tx.update(update).await? > 0)
        });
        if !is_changed.await? {
            return Ok(None);
        }
        self.reread(session.user).await?;
        let left = stamp::seconds_until(stamp::of(session.expires_at()), now);
        let cookie = SecretString::from(format!("{}{BETWEEN}{next}", shown.name));
        Ok(Some((cookie, left)))
    }

    /// Ends the session of a cookie that was copied, and writes it down once. The answer to whoever shows it does not wait
    /// for that.
    pub(super) fn end_copied(&self, session: &Session, trail: &Trail) {
        let (identity, trail) = (self.clone(), trail.clone());
        let (principal, on, user) = (session.principal.clone(), session.id, session.user);
        self.inner.ambient.tasks.spawn("identity-end-copied", async move {
            if let Err(error) = identity.end_by_house(&principal, &trail, on, user).await {
                tracing::error!(%error, session.id = %on, "a session whose cookie was copied could not be ended");
            }
        });
    }

    async fn end_by_house(
        &self,
        principal: &std::sync::Arc<Principal>,
        trail: &Trail,
        id: watchroom_model::SessionId,
        user: UserId,
    ) -> Result<(), StoreError> {
        let on = watchroom_policy::Resource::all(watchroom_policy::ResourceKind::Session);
        let permit = self
            .permit(principal, trail, act::EndCopiedSession, &on)
            .map_err(|refusal| StoreError::Database(refusal.to_string()))?;
        let ended = self.inner.store.write(&permit, async move |tx| {
            let row = session::Entity::delete_many().filter(session::Column::Id.eq(id.to_string()));
            tx.note_resource(format!("session:{id}"));
            tx.changed(Changed::Session(id));
            match tx.delete(row).await? {
                // Another has ended it and written that down.
                0 => Err(EndError::Unknown("it has ended")),
                _ => Ok(()),
            }
        });
        match ended.await {
            Ok(()) | Err(EndError::Unknown(_)) => {}
            Err(EndError::Store(error)) => return Err(error),
        }
        self.reread(user).await
    }
}
