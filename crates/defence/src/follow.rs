//! Keeping the book in line with what other replicas of the Host change. Its own changes it takes in as each is
//! made.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use watchroom_kit::Backoff;
use watchroom_store::{Changed, StoreError};

use crate::Defence;

impl Defence {
    /// Follows until the tasks stop.
    pub(crate) fn follow_others(&self, mut changes: Receiver<Changed>) {
        let defence = self.clone();
        self.ambient().tasks.spawn("defence-follow-others", async move {
            loop {
                match changes.recv().await {
                    Ok(change) => defence.follow(change).await,
                    Err(RecvError::Lagged(_)) => defence.follow(Changed::Everything).await,
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    async fn follow(&self, change: Changed) {
        let (shortest, longest) = (Duration::from_millis(100), Duration::from_secs(10));
        let mut backoff = Backoff::new(shortest, longest, self.ambient().entropy.clone());
        loop {
            let read = match change {
                Changed::Ban(id) => self.reread(id).await,
                Changed::Everything => self.reread_all().await,
                Changed::User(_)
                | Changed::Session(_)
                | Changed::Token(_)
                | Changed::Node(_)
                | Changed::Server(_)
                | Changed::Authorities
                | Changed::Audit => return,
            };
            match read {
                Ok(()) | Err(StoreError::Closed) => return,
                Err(error) => tracing::error!(%error, "bans could not be read; trying again"),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}
