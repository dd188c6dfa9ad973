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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;
    use time::macros::datetime;
    use tokio::time::sleep;
    use uuid::Uuid;
    use watchroom_kit::{Clock, Entropy, Tasks};
    use watchroom_trust::{ClusterCa, ClusterSecret, LinkClient, NodeKey};

    use super::*;

    /// Papers that have been due for a while.
    struct Due {
        key: NodeKey,
        client: LinkClient,
    }

    #[async_trait]
    impl Papers for Due {
        fn client(&self) -> LinkClient {
            self.client.clone()
        }

        fn request(&self) -> Result<Vec<u8>, String> {
            self.key.request().map_err(|error| error.to_string())
        }

        async fn keep(&self, _: FreshPapers) -> Result<(), String> {
            pending().await
        }
    }

    /// A node that looks once an hour by itself, and gives a Host twenty seconds.
    fn renewal() -> Renewal {
        let ambient = Ambient {
            clock: Clock::manual(datetime!(2026-03-01 12:00 UTC)),
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::open_or_make(folder.path()).unwrap();
        let ca = ClusterCa::found(ClusterSecret::by_chance(&ambient.entropy), &ambient).unwrap();
        let leaf = ca.issue_node_leaf(Uuid::nil(), &key.request().unwrap(), &ambient);
        let leaf = key.with(leaf.unwrap());
        let client = LinkClient::new(&ca.certificate(), &leaf, &ambient.clock).unwrap();
        ambient.clock.advance(Duration::from_secs(17 * 3_600));
        let settings = LinkSettings {
            renewal_looked_for_every: Duration::from_secs(3_600),
            call_patience: Duration::from_secs(10),
            ..LinkSettings::default()
        };
        Renewal::new(Arc::new(Due { key, client }), ambient, &settings)
    }

    /// How long a second Host waits for its turn, while the first does this with its own.
    async fn second_turn_after(first: impl AsyncFnOnce(Told)) -> Duration {
        let renewal = renewal();
        let (_, told) = renewal.wish(false).await;
        let begun = Instant::now();
        let ((), second) = tokio::join!(first(told), async {
            let wish = renewal.wish(false).await;
            (begun.elapsed(), wish)
        });
        second.0
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_does_not_answer_has_its_turn_and_the_next_one_is_asked_right_after() {
        let waited = second_turn_after(async |told| {
            sleep(Duration::from_secs(60)).await;
            drop(told);
        });
        let waited = waited.await.as_secs();
        assert!((20..=21).contains(&waited), "{waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_goes_away_ends_its_turn() {
        let waited = second_turn_after(async |told| {
            sleep(Duration::from_secs(5)).await;
            drop(told);
        });
        let waited = waited.await.as_secs();
        assert!((5..=6).contains(&waited), "{waited}");
    }
}
