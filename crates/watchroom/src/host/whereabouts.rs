//! Where this machine is found: its names and addresses, asked for again while the Host runs.
//!
//! A machine gets other addresses from its network or its owner. Within a minute the panel answers there under a
//! certificate that covers them, join URLs name them, and a ban of them is held back, all without a restart. Letters lead
//! where they led at the start: whoever gives addresses to this machine has no say in where its people sign in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use watchroom_fleet::Fleet;
use watchroom_kit::{Ambient, Clock};
use watchroom_mail::Mail;
use watchroom_trust::{LocalNames, PanelCertificate};

use super::reach::{Reach, with_first};
use super::ways::SetUpWays;
use crate::config::Config;

const ASKED_EVERY: Duration = Duration::from_secs(60);
/// How long an address is answered after it was seen last: a network that is away for a while takes nothing with it.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// Tells everything that goes by this machine's names and addresses what they are.
pub(super) struct Whereabouts {
    config: Config,
    certificate: Arc<PanelCertificate>,
    ways: Arc<SetUpWays>,
    /// What a ban must not hit unasked.
    addresses: Arc<ArcSwap<BTreeSet<IpAddr>>>,
    fleet: Fleet,
    mail: Mail,
    clock: Clock,
    /// Where the panel listens, once it does.
    bound: OnceLock<SocketAddr>,
    seen: Mutex<Seen>,
}

/// What the machine was called when it was asked.
#[derive(Debug)]
struct Seen {
    /// The last time.
    now: LocalNames,
    /// When each address was seen last.
    addresses: BTreeMap<IpAddr, Duration>,
}

impl Seen {
    fn first(now: LocalNames, at: Duration) -> Self {
        let addresses = now.addresses.iter().map(|address| (*address, at)).collect();
        Self { now, addresses }
    }

    /// What the machine goes by: the names that it has now, and addresses that it has or had a while ago.
    fn known(&self) -> LocalNames {
        LocalNames {
            hosts: self.now.hosts.clone(),
            addresses: self.addresses.keys().copied().collect(),
        }
    }

    /// Takes what it is called now.
    fn look(&mut self, now: LocalNames, at: Duration) {
        let seen = now.addresses.iter().map(|address| (*address, at));
        self.addresses.extend(seen);
        self.addresses
            .retain(|_, seen_at| at.saturating_sub(*seen_at) < KEPT_FOR);
        self.now = now;
    }
}

impl Whereabouts {
    pub(super) fn new(
        config: &Config,
        names: LocalNames,
        (certificate, ways): (&Arc<PanelCertificate>, &Arc<SetUpWays>),
        (fleet, mail): (&Fleet, &Mail),
        ambient: &Ambient,
    ) -> Arc<Self> {
        Arc::new(Self {
            config: config.clone(),
            certificate: Arc::clone(certificate),
            ways: Arc::clone(ways),
            addresses: Arc::new(ArcSwap::from_pointee(names.addresses.clone())),
            fleet: fleet.clone(),
            mail: mail.clone(),
            clock: ambient.clock.clone(),
            bound: OnceLock::new(),
            seen: Mutex::new(Seen::first(names, ambient.clock.elapsed())),
        })
    }

    /// The addresses of this machine, as they are whenever they are looked at.
    pub(super) fn addresses(&self) -> Arc<ArcSwap<BTreeSet<IpAddr>>> {
        Arc::clone(&self.addresses)
    }

    /// The panel listens here from now on.
    pub(super) fn listens_at(&self, bound: SocketAddr) {
        let bound = *self.bound.get_or_init(|| bound);
        let reached = Reach::new(&self.config, &self.seen().now).of(bound);
        if let Some(best) = reached.first() {
            self.mail.listens_at(best);
        }
        self.fleet.advertise(reached);
    }

    /// This is what the machine is called now.
    pub(super) fn moved_to(&self, now: LocalNames) {
        let mut seen = self.seen();
        let (before, known) = (seen.now.clone(), seen.known());
        seen.look(now, self.clock.elapsed());
        if seen.now != before {
            tracing::info!(
                new = %seen.now.missing_from(&before).join(", "),
                gone = %before.missing_from(&seen.now).join(", "),
                "this machine's names or addresses have changed"
            );
            self.advertise(&seen.now);
        }
        let now_known = seen.known();
        if now_known != known {
            self.ways.answer_by(own_hosts(&now_known));
            self.addresses.store(Arc::new(now_known.addresses.clone()));
            self.certificate.cover(now_known);
        }
    }

    /// Join URLs name the addresses that there are now; the one that people know stays the first while it is one of them.
    fn advertise(&self, names: &LocalNames) {
        if let Some(bound) = self.bound.get() {
            let reached = Reach::new(&self.config, names).of(*bound);
            let known = self.fleet.addresses();
            self.fleet.advertise(with_first(reached, known.first()));
        }
    }

    fn ask(&self) {
        match self.config.panel_names() {
            Ok(names) => self.moved_to(names),
            Err(error) => tracing::warn!(
                %error,
                "this machine could not be asked for its addresses; the panel goes by those it knows"
            ),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the machine until the tasks stop.
pub(super) fn follow(whereabouts: &Arc<Whereabouts>, ambient: &Ambient) {
    let whereabouts = Arc::clone(whereabouts);
    ambient.tasks.spawn("whereabouts", async move {
        loop {
            tokio::time::sleep(ASKED_EVERY).await;
            whereabouts.ask();
        }
    });
}

/// What this machine is called, by names and addresses.
pub(super) fn own_hosts(names: &LocalNames) -> Vec<String> {
    let addresses = names.addresses.iter().map(ToString::to_string);
    names.hosts.iter().cloned().chain(addresses).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(names: &[&str]) -> LocalNames {
        let mut called = LocalNames::default();
        for name in names {
            called.add_host(name);
        }
        called
    }

    #[test]
    fn an_address_counts_for_an_hour_after_it_was_seen_and_a_name_no_longer_than_it_is_there() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let mut seen = Seen::first(called(&["old", "192.0.2.1", "192.0.2.2"]), minutes(0));
        seen.look(called(&["new", "192.0.2.2"]), minutes(1));
        assert_eq!(seen.known(), called(&["new", "192.0.2.1", "192.0.2.2"]));
        // It came back, and counts from then.
        seen.look(called(&["new", "192.0.2.1"]), minutes(30));
        seen.look(called(&["new"]), minutes(60));
        assert_eq!(seen.known(), called(&["new", "192.0.2.1", "192.0.2.2"]));
        seen.look(called(&["new"]), minutes(61));
        assert_eq!(seen.known(), called(&["new", "192.0.2.1"]));
        seen.look(called(&["new"]), minutes(90));
        assert_eq!(seen.known(), called(&["new"]));
        assert_eq!(seen.now, called(&["new"]));
    }
}
