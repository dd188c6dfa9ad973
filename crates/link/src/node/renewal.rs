//! When a node wants another certificate, and what happens when it gets one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use watchroom_kit::Ambient;

use crate::{FreshPapers, LinkSettings, Papers};

/// The node's papers and the wish for new ones. All links share it, so that one Host is asked at a time.
#[derive(Clone)]
pub(super) struct Renewal(Arc<Inner>);

struct Inner {
    papers: Arc<dyn Papers>,
    ambient: Ambient,
    looked_for_every: Duration,
    /// How long a Host that was asked has for its answer before another one is asked.
    patience: Duration,
    asked: Mutex<Asked>,
    looked_at: Notify,
    /// Counts the certificates of this process: a link by an older one is to be dialled anew.
    issued: watch::Sender<u64>,
}

/// Which Host was asked last, counted, and until when nobody else is to be asked.
#[derive(Default)]
struct Asked {
    count: u64,
    until: Option<Instant>,
}

/// Whose turn it is to be asked.
enum Turn {
    /// This Host's: the request for it.
    Mine(Vec<u8>, Told),
    /// Another one's, for so long at most.
    Theirs { left: Duration },
}

/// A wish that a Host was told. Dropping it, as the end of the link does, lets another be told.
pub(super) struct Told {
    renewal: Renewal,
    count: u64,
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut asked = self.renewal.asked();
        if asked.count == self.count {
            asked.until = None;
            self.renewal.0.looked_at.notify_waiters();
        }
    }
}

impl Renewal {
    pub(super) fn new(papers: Arc<dyn Papers>, ambient: Ambient, settings: &LinkSettings) -> Self {
        Self(Arc::new(Inner {
            papers,
            ambient,
            looked_for_every: settings.renewal_looked_for_every,
            patience: settings.call_patience * 2,
            asked: Mutex::default(),
            looked_at: Notify::new(),
            issued: watch::Sender::new(0),
        }))
    }

    /// Changes whenever there is a new certificate to dial with.
    pub(super) fn issued(&self) -> watch::Receiver<u64> {
        self.0.issued.subscribe()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a certificate is due, or not at all, and gives the request for it.
    pub(super) async fn wish(&self, at_once: bool) -> (Vec<u8>, Told) {
        let inner = &self.0;
        let mut is_wanted = at_once;
        loop {
            let mut looked_at = std::pin::pin!(inner.looked_at.notified());
            looked_at.as_mut().enable();
            let mut wait = inner.looked_for_every;
            if is_wanted || self.is_due() {
                match self.tell() {
                    Ok(Turn::Mine(request, told)) => return (request, told),
                    Ok(Turn::Theirs { left }) => wait = wait.min(left),
                    Err(why) => tracing::error!("no request for a new certificate can be made: {why}"),
                }
                is_wanted = false;
            }
            // Either it is time to look again, or something has changed; both are looked at alike.
            drop(timeout(wait, looked_at).await);
        }
    }

    /// Takes the turn to ask, if no other Host was asked that may still answer.
    fn tell(&self) -> Result<Turn, String> {
        let now = Instant::now();
        let mut asked = self.asked();
        if let Some(until) = asked.until.filter(|until| now < *until) {
            return Ok(Turn::Theirs { left: until - now });
        }
        let request = self.0.papers.request()?;
        asked.count += 1;
        asked.until = Some(now + self.0.patience);
        let told = Told {
            renewal: self.clone(),
            count: asked.count,
        };
        Ok(Turn::Mine(request, told))
    }

    /// Two thirds of its life are over, or the CA that made it does not sign any more.
    fn is_due(&self) -> bool {
        let client = self.0.papers.client();
        client.renew_at() <= self.0.ambient.now() || !client.has_moved()
    }

    /// Keeps what a Host gave.
    pub(super) async fn keep(&self, fresh: FreshPapers) -> Result<(), String> {
        let has_leaf = fresh.leaf.is_some();
        self.0.papers.keep(fresh).await?;
        if has_leaf {
            self.asked().until = None;
            self.0.issued.send_modify(|count| *count += 1);
        }
        self.0.looked_at.notify_waiters();
        Ok(())
    }
}
