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

use crate::address::{counted, neighbourhood};
use crate::inspection::Counts;
use crate::{AttackClass, Network, Refused, RouteClass, Spotted, SpottedEvent, Why};

/// How long a kind of refusal of one client is gathered into a count.
const GATHERED: Duration = Duration::from_secs(60);
/// Most clients whose refusals are gathered apart; then as many networks; the rest are gathered together.
const MOST_OPEN: usize = 4_096;
/// Events a slow listener may be behind.
const BACKLOG: usize = 1_024;
/// Under this address those are gathered that are too many to be kept apart.
const EVERYBODY: Whose = Whose {
    client: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    among: None,
};
/// The refusals that may lead to a ban.
const LIMITED: &str = "rate-limited";

/// Something the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShieldEvent {
    /// Requests were turned away.
    Refused(RefusedEvent),
    /// Something in requests looked like an attack.
    Spotted(SpottedEvent),
    /// Something on this machine, or in a network of one's own, forwards requests for others, and `shield.trusted_proxies` does not name it.
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
        /// The whole network, if there were too many clients to tell those in it apart.
        among: Option<Network>,
        /// Whether it tells on the client; not if a page of somebody else may have made their browser ask.
        is_own_doing: bool,
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
    /// The whole network, if there were too many clients to tell those in it apart.
    pub among: Option<Network>,
    /// Whether the first tells on the client; not if a page of somebody else may have made their browser ask.
    pub is_own_doing: bool,
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
    open: Mutex<Open>,
    counts: [AtomicU64; Why::SLUGS.len()],
    spotted: Counts,
    /// The last proxy that forwarded requests undeclared.
    undeclared: Mutex<Option<IpAddr>>,
    clock: Clock,
    /// When the gatherings were last looked through, in milliseconds.
    swept_ms: AtomicU64,
}

/// A request of which something is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) client: IpAddr,
    pub(crate) class: RouteClass,
    pub(crate) request_id: Uuid,
    /// Whether it tells on the client; not if a page of somebody else may have made their browser ask.
    pub(crate) is_own_doing: bool,
}

/// Whose requests are gathered under one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Whose {
    client: IpAddr,
    among: Option<Network>,
}

type Gatherings = HashMap<(&'static str, Whose), Gathering>;

/// What may lead to a ban is kept apart from the rest, so that no flood of what does not can hide it.
#[derive(Debug, Default)]
struct Open {
    evidence: Gatherings,
    rest: Gatherings,
}

#[derive(Debug)]
struct Gathering {
    since: Duration,
    more: u64,
    class: RouteClass,
    request_id: Uuid,
    is_own_doing: bool,
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
        let seen = Seen {
            client: refused.client,
            class: refused.class,
            request_id: refused.told.request_id,
            is_own_doing: refused.is_own_doing,
        };
        let may_ban = seen.is_own_doing && why == LIMITED;
        if let Some(Whose { client, among }) = self.gather(why, seen, may_ban, None) {
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
                among,
                is_own_doing: seen.is_own_doing,
                class: seen.class,
                request_id: seen.request_id,
                count: 1,
            }));
        }
    }

    /// Tells of something that looks like an attack: the first of a kind from a client at once, the others as a
    /// number.
    pub(crate) fn spotted(&self, spotted: &Spotted, seen: Seen) {
        self.spotted.add(spotted);
        self.sweep_now_and_then();
        let may_ban = seen.is_own_doing && spotted.is_refused;
        let Some(Whose { client, among }) = self.gather(spotted.rule.id(), seen, may_ban, Some(spotted))
        else {
            return;
        };
        tracing::warn!(
            client.address = %client,
            request.id = %seen.request_id,
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
            among,
            is_own_doing: seen.is_own_doing,
            class: seen.class,
            request_id: seen.request_id,
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
        let seen = Seen {
            client: peer,
            class,
            request_id,
            is_own_doing: false,
        };
        if self.gather("undeclared-proxy", seen, false, None).is_some() {
            *self.undeclared.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
            tracing::warn!(
                client.address = %peer,
                request.id = %request_id,
                setting = "shield.trusted_proxies",
                "a proxy on this machine or in a network of its own forwards requests but is not declared; its clients all count as one",
            );
            self.send(ShieldEvent::UndeclaredProxy { peer, request_id });
        }
    }

    pub(crate) fn decoy(&self, path: &str, client: IpAddr, request_id: Uuid, is_own_doing: bool) {
        self.sweep_now_and_then();
        let seen = Seen {
            client,
            class: RouteClass::Page,
            request_id,
            is_own_doing,
        };
        if let Some(Whose { client, among }) = self.gather("decoy", seen, is_own_doing, None) {
            tracing::warn!(
                client.address = %client,
                request.id = %request_id,
                setting = "shield.decoys",
                path,
                "a decoy was touched; more of the same within a minute are not told",
            );
            self.send(ShieldEvent::Decoy {
                client,
                among,
                is_own_doing,
                path: path.to_owned(),
                request_id,
            });
        }
    }

    /// Reports and forgets what was gathered for a minute.
    pub(crate) fn sweep(&self) {
        let now = self.clock.elapsed();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { evidence, rest } = &mut *open;
        let is_over = |gathering: &Gathering| now.saturating_sub(gathering.since) >= GATHERED;
        let over: Vec<_> = evidence
            .extract_if(|_, gathering| is_over(gathering))
            .chain(rest.extract_if(|_, gathering| is_over(gathering)))
            .collect();
        drop(open);
        for (
            (why, Whose { client, among }),
            Gathering {
                more,
                class,
                request_id,
                is_own_doing,
                spotted,
                ..
            },
        ) in over
        {
            if let Some(spotted) = spotted.filter(|_| more > 0) {
                self.send(ShieldEvent::Spotted(SpottedEvent {
                    spotted,
                    client,
                    among,
                    is_own_doing,
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
                    among,
                    is_own_doing,
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

    /// Opens a gathering and returns whose it is, or adds to the one that is open.
    fn gather(
        &self,
        why: &'static str,
        seen: Seen,
        may_ban: bool,
        spotted: Option<&Spotted>,
    ) -> Option<Whose> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let gatherings = if may_ban {
            &mut open.evidence
        } else {
            &mut open.rest
        };
        let whose = whose(gatherings, why, seen.client);
        if let Some(gathering) = gatherings.get_mut(&(why, whose)) {
            gathering.more += 1;
            return None;
        }
        gatherings.insert(
            (why, whose),
            Gathering {
                since: self.clock.elapsed(),
                more: 0,
                class: seen.class,
                request_id: seen.request_id,
                is_own_doing: seen.is_own_doing,
                spotted: spotted.cloned(),
            },
        );
        Some(whose)
    }

    fn send(&self, event: ShieldEvent) {
        // Nobody listening is no trouble: the counters and the log have it.
        drop(self.sender.send(event));
    }
}

/// Under whom a request is gathered: its client, or its network if there are too many clients, or everybody.
fn whose(gatherings: &Gatherings, why: &'static str, client: IpAddr) -> Whose {
    let alone = Whose {
        client: counted(client),
        among: None,
    };
    if gatherings.len() < MOST_OPEN || gatherings.contains_key(&(why, alone)) {
        return alone;
    }
    let network = neighbourhood(client);
    let together = Whose {
        client: network.first(),
        among: Some(network),
    };
    if gatherings.len() < 2 * MOST_OPEN || gatherings.contains_key(&(why, together)) {
        return together;
    }
    EVERYBODY
}
