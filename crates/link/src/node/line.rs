//! One line: the links to one address, one after the other, and two at once while a new certificate takes over.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;
use watchroom_kit::{Backoff, Tasks};
use watchroom_trust::Fingerprint;

use super::service::NodeService;
use super::{LinkState, Office, dial, serve};
use crate::{ConnectFault, NodeHello};

/// A link that the Host has admitted.
struct Live {
    epoch: u64,
    end: oneshot::Receiver<ConnectFault>,
    _tasks: EndOnDrop,
}

impl Live {
    async fn ended(&mut self) -> ConnectFault {
        (&mut self.end).await.unwrap_or_else(|_| stopping())
    }
}

fn stopping() -> ConnectFault {
    ConnectFault::Lost {
        why: "the node is stopping".to_owned(),
    }
}

/// Keeps a link to `address`, for ever.
pub(super) async fn keep(office: &Arc<Office>, address: String) {
    let line = Line { office, address };
    let mut backoff = line.backoff();
    loop {
        line.show(LinkState::Connecting);
        let began = office.ambient.clock.elapsed();
        let why = match line.dial(None).await {
            Ok(link) => {
                let why = line.hold(link).await;
                // A link that lasted starts the waits anew; one that is refused or displaced at once does not, so
                // that two copies of a machine cannot chase each other at full speed.
                if office.ambient.clock.elapsed().saturating_sub(began) > office.settings.link.retry_first * 4
                {
                    backoff.reset();
                }
                why
            }
            Err(why) => why,
        };
        let wait = match why {
            // What was in the way is gone.
            ConnectFault::Renewed => backoff.next_delay().min(office.settings.link.retry_first),
            _ => backoff.next_delay(),
        };
        tracing::warn!(
            link.address = line.address,
            link.retry_ms = wait.as_millis(),
            "no link to the Host: {why}"
        );
        let next_try = office.ambient.now() + wait;
        line.show(LinkState::Down { why, next_try });
        tokio::time::sleep(wait).await;
    }
}

struct Line<'a> {
    office: &'a Arc<Office>,
    address: String,
}

impl Line<'_> {
    fn backoff(&self) -> Backoff {
        let settings = &self.office.settings.link;
        Backoff::new(
            settings.retry_first,
            settings.retry_most,
            self.office.ambient.entropy.clone(),
        )
    }

    fn show(&self, state: LinkState) {
        self.office.states.send_modify(|states| {
            states.insert(self.address.clone(), state);
        });
    }

    /// Holds a link until it ends. A new certificate is taken to a second link, and the first is left to run out.
    async fn hold(&self, mut link: Live) -> ConnectFault {
        let office = self.office;
        tracing::info!(
            link.address = self.address,
            link.epoch = link.epoch,
            "linked to the Host"
        );
        self.show(LinkState::Up {
            since: office.ambient.now(),
        });
        let mut issued = office.renewal.issued();
        let mut backoff = self.backoff();
        loop {
            tokio::select! {
                biased;
                why = link.ended() => return why,
                // The office keeps the sender: it never closes.
                _ = issued.changed() => {}
            }
            match self.dial(Some(link.epoch)).await {
                Ok(next) => {
                    backoff.reset();
                    let mut before = std::mem::replace(&mut link, next);
                    let patience = office.settings.link.drain_patience * 2;
                    // The Host ends it when nothing runs on it any more.
                    drop(office.ambient.tasks.spawn("link.run-out", async move {
                        drop(timeout(patience, before.ended()).await);
                    }));
                }
                Err(why) => {
                    tracing::warn!(
                        link.address = self.address,
                        "the new certificate has no link yet: {why}"
                    );
                    issued.mark_changed();
                    tokio::select! {
                        why = link.ended() => return why,
                        () = tokio::time::sleep(backoff.next_delay()) => {}
                    }
                }
            }
        }
    }

    /// Dials until the Host has admitted the node; `beside` is the link that stays up meanwhile.
    async fn dial(&self, beside: Option<u64>) -> Result<Live, ConnectFault> {
        let office = self.office;
        let settings = &office.settings;
        let client = settings.papers.client();
        let epoch = office.epoch.raise().await;
        let hello = NodeHello {
            version: settings.link.version.clone(),
            name: settings.name.clone(),
            epoch,
            agent: office.agent,
            beside,
            anchors: client.anchors().iter().map(|ca| Fingerprint::of(ca)).collect(),
            capabilities: settings.capabilities.clone(),
            clock: office.ambient.now(),
        };
        let stream = dial::dial(&self.address, &client, &settings.link).await?;
        let tasks = EndOnDrop(office.ambient.tasks.child());
        let service = NodeService::new(office, &self.address, hello);
        let (admitted, is_admitted) = oneshot::channel();
        let (ended, mut end) = oneshot::channel();
        let (served_by, times) = (tasks.0.clone(), settings.link.clone());
        drop(tasks.0.spawn("link.serve", async move {
            let why = serve::serve(stream, service, &served_by, &times, admitted).await;
            // A line that has been dropped does not ask.
            drop(ended.send(why));
        }));
        tokio::select! {
            biased;
            Ok(()) = is_admitted => Ok(Live { epoch, end, _tasks: tasks }),
            why = &mut end => Err(why.unwrap_or_else(|_| stopping())),
        }
    }
}

/// Ends what one link has started, however the link ends.
struct EndOnDrop(Tasks);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
