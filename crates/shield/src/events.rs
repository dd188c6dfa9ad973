//! What the edge tells the application: each kind of refusal of each client at most once a minute, then counted.
//!
//! A flood therefore costs one event, one line in the log and a counter. The application writes audit
//! entries and raises alerts from them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use uuid::Uuid;
use watchroom_kit::Clock;

use crate::address::counted;
use crate::inspection::Counts;
use crate::{AttackClass, Refused, RouteClass, Spotted, SpottedEvent, Why};

/// How long a kind of refusal of one client is gathered into a count.
const GATHERED: Duration = Duration::from_secs(60);
/// Most clients whose refusals are gathered apart; the rest are gathered together.
const MOST_OPEN: usize = 4_096;
/// Events a slow listener may be behind.
const BACKLOG: usize = 1_024;
/// Under this address those are gathered that are too many to be kept apart.
const EVERYBODY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Something the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShieldEvent {
    /// Requests were turned away.
    Refused(RefusedEvent),
    /// Something in requests looked like an attack.
    Spotted(SpottedEvent),
    /// Something on this machine forwards requests for others, and `shield.trusted_proxies` does not name it.
    UndeclaredProxy {
        /// Its address.
        peer: IpAddr,
        /// The first request that showed it.
        request_id: Uuid,
    },
    /// Somebody asked for a path that nobody has reason to ask for.
    Decoy {
        /// Who.
        client: IpAddr,
        /// For what; one of the configured paths.
        path: String,
        /// The first such request.
        request_id: Uuid,
    },
}

/// Requests of one client that were turned away for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEvent {
    /// The slug of the reason.
    pub why: &'static str,
    /// The client; `::` if there were too many to tell apart.
    pub client: IpAddr,
    /// The kind of route of the first of them.
    pub class: RouteClass,
    /// The first of them.
    pub request_id: Uuid,
    /// How many: one for the first, later the number of those that followed it within the minute.
    pub count: u64,
}

#[derive(Debug)]
pub(crate) struct Events {
    sender: broadcast::Sender<ShieldEvent>,
    open: Mutex<HashMap<(&'static str, IpAddr), Gathering>>,
    counts: [AtomicU64; Why::SLUGS.len()],
    spotted: Counts,
    /// The last proxy that forwarded requests undeclared.
    undeclared: Mutex<Option<IpAddr>>,
    clock: Clock,
    /// When the gatherings were last looked through, in milliseconds.
    swept_ms: AtomicU64,
}

#[derive(Debug)]
struct Gathering {
    since: Duration,
    more: u64,
    class: RouteClass,
    request_id: Uuid,
    /// What was spotted in the first of them.
    spotted: Option<Spotted>,
}

impl Events {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            open: Mutex::default(),
            counts: [const { AtomicU64::new(0) }; Why::SLUGS.len()],
            spotted: Counts::default(),
            undeclared: Mutex::default(),
            clock,
            swept_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ShieldEvent> {
        self.sender.subscribe()
    }

    /// How often each reason turned a request away since the start.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Why::SLUGS
            .into_iter()
            .zip(&self.counts)
            .map(|(slug, count)| (slug, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn refused(&self, refused: &Refused) {
        let why = refused.why.slug();
        if let Some((_, count)) = Why::SLUGS
            .iter()
            .zip(&self.counts)
            .find(|(slug, _)| **slug == why)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Being sent to HTTPS is how browsers arrive, and no trouble; what was spotted has been told with more.
        if matches!(
            refused.why,
            Why::PlainHttp { redirects: true } | Why::InputRefused
        ) {
            return;
        }
        self.sweep_now_and_then();
        if let Some(client) = self.gather(why, refused.client, refused.class, refused.told.request_id, None) {
            tracing::warn!(
                client.address = %refused.client,
                request.id = %refused.told.request_id,
                refusal.why = why,
                setting = refused.why.setting(),
                "turned a request away; more of the same within a minute are only counted",
            );
            self.send(ShieldEvent::Refused(RefusedEvent {
                why,
                client,
                class: refused.class,
                request_id: refused.told.request_id,
                count: 1,
            }));
        }
    }

    /// Tells of something that looks like an attack: the first of a kind from a client at once, the others as a
    /// number.
    pub(crate) fn spotted(&self, spotted: &Spotted, client: IpAddr, class: RouteClass, request_id: Uuid) {
        self.spotted.add(spotted);
        self.sweep_now_and_then();
        let Some(client) = self.gather(spotted.rule.id(), client, class, request_id, Some(spotted)) else {
            return;
        };
        tracing::warn!(
            client.address = %client,
            request.id = %request_id,
            attack.rule = spotted.rule.id(),
            attack.score = spotted.score,
            attack.field = spotted.field,
            attack.is_refused = spotted.is_refused,
            setting = "shield.inspection",
            "input looks like an attack; more of the same within a minute are only counted",
        );
        self.send(ShieldEvent::Spotted(SpottedEvent {
            spotted: spotted.clone(),
            client,
            class,
            request_id,
            count: 1,
        }));
    }

    /// Class, whether refused, how often since the start.
    pub(crate) fn spotted_counts(&self) -> impl Iterator<Item = (AttackClass, bool, u64)> {
        self.spotted.all()
    }

    /// The last proxy that forwarded requests undeclared since the start, if there was one.
    pub(crate) fn undeclared(&self) -> Option<IpAddr> {
        *self.undeclared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn undeclared_proxy(&self, peer: IpAddr, class: RouteClass, request_id: Uuid) {
        if self
            .gather("undeclared-proxy", peer, class, request_id, None)
            .is_some()
        {
            *self.undeclared.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
            tracing::warn!(
                client.address = %peer,
                request.id = %request_id,
                setting = "shield.trusted_proxies",
                "a proxy on this machine forwards requests but is not declared; its clients all count as one",
            );
            self.send(ShieldEvent::UndeclaredProxy { peer, request_id });
        }
    }

    pub(crate) fn decoy(&self, path: &str, client: IpAddr, request_id: Uuid) {
        self.sweep_now_and_then();
        if self
            .gather("decoy", client, RouteClass::Page, request_id, None)
            .is_some()
        {
            tracing::warn!(
                client.address = %client,
                request.id = %request_id,
                setting = "shield.decoys",
                path,
                "a decoy was touched; more of the same within a minute are not told",
            );
            self.send(ShieldEvent::Decoy {
                client,
                path: path.to_owned(),
                request_id,
            });
        }
    }

    /// Reports and forgets what was gathered for a minute.
    pub(crate) fn sweep(&self) {
        let now = self.clock.elapsed();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<_> = open
            .extract_if(|_, gathering| now.saturating_sub(gathering.since) >= GATHERED)
            .collect();
        drop(open);
        for (
            (why, client),
            Gathering {
                more,
                class,
                request_id,
                spotted,
                ..
            },
        ) in over
        {
            if let Some(spotted) = spotted.filter(|_| more > 0) {
                self.send(ShieldEvent::Spotted(SpottedEvent {
                    spotted,
                    client,
                    class,
                    request_id,
                    count: more,
                }));
                continue;
            }
            if more > 0 && Why::SLUGS.contains(&why) {
                self.send(ShieldEvent::Refused(RefusedEvent {
                    why,
                    client,
                    class,
                    request_id,
                    count: more,
                }));
            }
        }
    }

    /// Without the accept loop's own sweeping (a bare layer) refusals themselves keep the gatherings young.
    fn sweep_now_and_then(&self) {
        let now_ms = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        let swept_ms = self.swept_ms.load(Ordering::Relaxed);
        let is_due = now_ms.saturating_sub(swept_ms) >= 10_000;
        if is_due
            && self
                .swept_ms
                .compare_exchange(swept_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.sweep();
        }
    }

    /// Opens a gathering and returns under which address, or adds to the one that is open.
    fn gather(
        &self,
        why: &'static str,
        client: IpAddr,
        class: RouteClass,
        request_id: Uuid,
        spotted: Option<&Spotted>,
    ) -> Option<IpAddr> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut client = counted(client);
        if open.len() >= MOST_OPEN && !open.contains_key(&(why, client)) {
            client = EVERYBODY;
        }
        if let Some(gathering) = open.get_mut(&(why, client)) {
            gathering.more += 1;
            return None;
        }
        open.insert(
            (why, client),
            Gathering {
                since: self.clock.elapsed(),
                more: 0,
                class,
                request_id,
                spotted: spotted.cloned(),
            },
        );
        Some(client)
    }

    fn send(&self, event: ShieldEvent) {
        // Nobody listening is no trouble: the counters and the log have it.
        drop(self.sender.send(event));
    }
}
