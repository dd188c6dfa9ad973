//! Recognising sessions on every request, and keeping them alive by a person's acts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use watchroom_model::{SessionId, UserId};
use watchroom_policy::{Principal, Trail};
use watchroom_store::Upkeep;

use super::rotation::{Cookie, Shown};
use super::{Session, SessionView};
use crate::Identity;
use crate::digest::Digest;
use crate::stamp;
use crate::users::ReadError;

/// How often, in microseconds, the database is told that a session is in use: often enough to survive a
/// crash, seldom enough that clicking costs no writes.
const SAVE_EVERY: i64 = 60_000_000;

impl Identity {
    /// The live session of a cookie. A browser that calls itself something else than at sign-in is asked to
    /// sign in again. Neither waits nor asks the database.
    #[must_use]
    pub fn session(&self, cookie: &str, user_agent: Option<&str>) -> Option<Arc<Session>> {
        let trail = Trail {
            user_agent: user_agent.map(Arc::from),
            ..Trail::default()
        };
        self.session_shown(cookie, &trail)
    }

    /// The same for a request, which tells who shows a cookie that was copied: that ends the session.
    #[must_use]
    pub fn session_shown(&self, cookie: &str, trail: &Trail) -> Option<Arc<Session>> {
        let now = self.inner.ambient.clock.now_micros();
        let shown = Shown::of(cookie);
        let session = self.inner.roll.session(Digest::of(shown.name))?;
        if session.is_program || session.is_over(now) {
            return None;
        }
        match session.judges(&shown, now) {
            Cookie::Good => {}
            Cookie::Foreign => return None,
            Cookie::Copied => {
                self.end_copied(&session, trail);
                return None;
            }
        }
        let is_same_browser = session.user_agent.as_deref() == trail.user_agent.as_deref();
        is_same_browser.then_some(session)
    }

    /// The live session of that id, if it may do anything: streams ask whether theirs goes on.
    #[must_use]
    pub fn session_by_id(&self, id: SessionId) -> Option<Arc<Session>> {
        let session = self
            .inner
            .roll
            .session_by_id(id)
            .filter(|session| !session.is_half())?;
        (!session.is_over(self.inner.ambient.clock.now_micros())).then_some(session)
    }

    /// A person's live sessions, the one used last first, if the caller is that person or may see people.
    ///
    /// # Errors
    /// [`ReadError::NotFound`].
    pub fn sessions_of(&self, principal: &Principal, user: UserId) -> Result<Vec<SessionView>, ReadError> {
        self.user(principal, user)?;
        let now = self.inner.ambient.clock.now_micros();
        let live = self
            .inner
            .roll
            .sessions_of(user)
            .into_iter()
            .filter(|session| !session.is_over(now) && !session.is_half());
        let mut views: Vec<SessionView> = live.map(|session| SessionView::from(session.as_ref())).collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.last_seen));
        Ok(views)
    }

    /// Notes a person's act, which keeps the session alive. Streams and polling must not call this.
    pub fn touch(&self, session: &Session) {
        let now = self.inner.ambient.clock.now_micros();
        if session.is_over(now) {
            return;
        }
        session.seen.fetch_max(now, Ordering::Relaxed);
        let saved = session.saved.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(saved) >= SAVE_EVERY;
        // Of several requests at once only one saves.
        if is_due
            && session
                .saved
                .compare_exchange(saved, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.inner.store.upkeep(Upkeep::SessionSeen(session.id, now));
        }
    }

    /// Keeps the session alive because the person said so, and says how many seconds are left now.
    #[must_use]
    pub fn stay_active(&self, session: &Session) -> u64 {
        self.touch(session);
        stamp::seconds_until(session.ends(), self.inner.ambient.clock.now_micros())
    }
}
