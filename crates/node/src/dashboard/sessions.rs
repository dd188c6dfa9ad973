//! Who is signed in at the node's own page: in memory alone, so that a stop of the agent ends it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchroom_kit::Ambient;

/// A session that nobody uses for this long is over.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// One that is used is over after a working day.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// Sessions at once; the one idle for longest makes room.
const MOST: usize = 16;

/// One browser that was let in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The account of this machine that invited it.
    pub(super) by: String,
    /// What its forms must carry.
    pub(super) form_token: String,
    /// What became of its last order, to be shown once.
    pub(super) notice: Option<String>,
    /// It has been written down that a form without its token came: once is enough.
    pub(super) is_suspect: bool,
    began: Duration,
    used: Duration,
}

/// All sessions, by the hash of their cookie's value.
#[derive(Debug)]
pub(super) struct Sessions {
    ambient: Ambient,
    open: Mutex<HashMap<blake3::Hash, Session>>,
}

impl Sessions {
    pub(super) fn new(ambient: Ambient) -> Self {
        Self {
            ambient,
            open: Mutex::default(),
        }
    }

    /// Lets a browser in for this account; gives the value of its cookie.
    pub(super) fn open(&self, by: String) -> String {
        let cookie = self.ambient.entropy.token();
        let now = self.ambient.clock.elapsed();
        let session = Session {
            by,
            form_token: self.ambient.entropy.token(),
            notice: None,
            is_suspect: false,
            began: now,
            used: now,
        };
        let mut open = self.living();
        let oldest = open.iter().min_by_key(|(_, session)| session.used);
        if let Some(oldest) = oldest.map(|(key, _)| *key).filter(|_| open.len() >= MOST) {
            open.remove(&oldest);
        }
        open.insert(blake3::hash(cookie.as_bytes()), session);
        cookie
    }

    /// The session of this cookie, which is used by that. `change` may keep something in it.
    pub(super) fn with<T>(&self, cookie: &str, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut open = self.living();
        let session = open.get_mut(&blake3::hash(cookie.as_bytes()))?;
        session.used = self.ambient.clock.elapsed();
        Some(change(session))
    }

    /// Ends a session.
    pub(super) fn close(&self, cookie: &str) {
        self.living().remove(&blake3::hash(cookie.as_bytes()));
    }

    fn living(&self) -> MutexGuard<'_, HashMap<blake3::Hash, Session>> {
        let now = self.ambient.clock.elapsed();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| {
            now.saturating_sub(session.used) < IDLE && now.saturating_sub(session.began) < LONGEST
        });
        open
    }
}

impl Session {
    /// Whether a form carries this session's token; takes the same time wherever the two differ.
    pub(super) fn has_token(&self, shown: &str) -> bool {
        blake3::hash(self.form_token.as_bytes()) == blake3::hash(shown.as_bytes())
    }
}
