//! Keeping what somebody holds in memory in line with what is committed.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use watchroom_kit::{Ambient, Backoff};

use crate::{Changed, StoreError};

/// The first wait before what could not be read is read again; doubled each time.
const FIRST: Duration = Duration::from_millis(100);
/// The longest such wait.
const LONGEST: Duration = Duration::from_secs(10);

/// Calls `reread` with each change, one after the other, until the tasks stop or the store is gone. A change that
/// could not be read is tried again until it can: nobody goes on with what is no longer so. Who has fallen too far
/// behind to be told what changed is told [`Changed::Everything`].
///
/// `changes` are [`Store::changes`](crate::Store::changes) or
/// [`Store::changes_elsewhere`](crate::Store::changes_elsewhere), asked for before everything was read for the
/// first time, so that nothing falls between. `name` names the task and stands in the log.
pub fn follow<Reread, Read>(
    name: &'static str,
    mut changes: Receiver<Changed>,
    ambient: &Ambient,
    reread: Reread,
) where
    Reread: Fn(Changed) -> Read + Send + Sync + 'static,
    Read: Future<Output = Result<(), StoreError>> + Send,
{
    let entropy = ambient.entropy.clone();
    ambient.tasks.spawn(name, async move {
        loop {
            let change = match changes.recv().await {
                Ok(change) => change,
                Err(RecvError::Lagged(_)) => Changed::Everything,
                Err(RecvError::Closed) => return,
            };
            let mut backoff = Backoff::new(FIRST, LONGEST, entropy.clone());
            loop {
                match reread(change).await {
                    Ok(()) | Err(StoreError::Closed) => break,
                    Err(error) => {
                        tracing::error!(follower = name, %change, %error, "what changed could not be read; trying again");
                    }
                }
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use tokio::sync::{broadcast, mpsc};
    use watchroom_model::UserId;

    use super::*;

    #[tokio::test]
    async fn what_cannot_be_read_is_read_again_before_anything_later_is() {
        let ambient = Ambient::system();
        let (tell, changes) = broadcast::channel(8);
        let (first, second) = (
            Changed::User(UserId::mint(&ambient)),
            Changed::User(UserId::mint(&ambient)),
        );
        let (asked, mut heard) = mpsc::unbounded_channel();
        let failures = Arc::new(Mutex::new(2));
        follow("test", changes, &ambient, move |change| {
            let (asked, failures) = (asked.clone(), Arc::clone(&failures));
            async move {
                asked.send(change).unwrap();
                let mut left = failures.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    return Err(StoreError::Late);
                }
                Ok(())
            }
        });
        tell.send(first).unwrap();
        tell.send(second).unwrap();
        for expected in [first, first, first, second] {
            assert_eq!(heard.recv().await, Some(expected));
        }
        ambient.tasks.stop();
    }

    #[tokio::test]
    async fn who_is_too_far_behind_rereads_everything() {
        let ambient = Ambient::system();
        let (tell, changes) = broadcast::channel(2);
        for _ in 0..5 {
            tell.send(Changed::Audit).unwrap();
        }
        let (asked, mut heard) = mpsc::unbounded_channel();
        follow("test", changes, &ambient, move |change| {
            let asked = asked.clone();
            async move {
                asked.send(change).unwrap();
                Ok(())
            }
        });
        assert_eq!(heard.recv().await, Some(Changed::Everything));
        assert_eq!(heard.recv().await, Some(Changed::Audit));
        ambient.tasks.stop();
    }
}
