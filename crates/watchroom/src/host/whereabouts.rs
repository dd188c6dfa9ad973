//! Where this machine is found: its names and addresses, asked for again while the Host runs.
//!
//! A machine gets other addresses from its network or its owner. Within a minute the panel answers there under a
//! certificate that covers them, join URLs name them, and a ban of them is held back, all without a restart. Letters lead
//! where they led at the start: whoever gives addresses to this machine has no say in where its people sign in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether it gave no answer the last time, and that was said.
    is_silent: AtomicBool,
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
            is_silent: AtomicBool::new(false),
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
            Ok(names) => {
                if self.is_silent.swap(false, Ordering::Relaxed) {
                    tracing::info!("this machine tells its addresses again");
                }
                self.moved_to(names);
            }
            Err(error) if !self.is_silent.swap(true, Ordering::Relaxed) => tracing::warn!(
                %error,
                "this machine cannot be asked for its addresses; the panel goes by those it knows until it can"
            ),
            Err(_) => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the machine until the tasks stop.
pub(super) fn follow(whereabouts: &Arc<Whereabouts>, ambient: &Ambient) {
    ask_every(ASKED_EVERY, whereabouts, ambient);
}

fn ask_every(pause: Duration, whereabouts: &Arc<Whereabouts>, ambient: &Ambient) {
    let whereabouts = Arc::clone(whereabouts);
    ambient.tasks.spawn("whereabouts", async move {
        loop {
            tokio::time::sleep(pause).await;
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
    use super::super::Host;
    use super::*;
    use crate::state::State;

    /// A Host that thinks it listens everywhere, and its machine's own names.
    async fn host(state: &State) -> (Host, LocalNames) {
        let config = Config::default();
        let host = Host::open(state, &config, Ambient::system()).await.unwrap();
        host.whereabouts.listens_at("[::]:7443".parse().unwrap());
        (host, config.panel_names().unwrap())
    }

    async fn end(host: Host) {
        assert!(host.ambient().tasks.shutdown(Duration::from_secs(20)).await);
        host.close().await;
    }

    #[tokio::test]
    async fn who_joins_is_sent_where_the_machine_is_now_and_who_reads_a_letter_where_it_was_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let (host, names) = host(&State::open(&folder.path().join("state"), "host").unwrap()).await;
        let (reached, panel) = (host.fleet.addresses(), host.mail.panel());
        let new = "198.51.100.7:7443".to_owned();
        assert!(!reached.contains(&new), "{reached:?}");
        let mut now = names.clone();
        now.add_host("198.51.100.7");
        host.moved_to(now.clone());
        let more = host.fleet.addresses();
        assert!(more.contains(&new), "{more:?}");

        // What people know stays the first while it is there, and letters lead there even afterwards.
        host.moved_to(names);
        assert!(!host.fleet.addresses().contains(&new));
        host.moved_to(LocalNames {
            hosts: now.hosts.clone(),
            addresses: BTreeSet::from(["198.51.100.7".parse().unwrap()]),
        });
        assert_eq!(host.fleet.addresses().as_slice(), std::slice::from_ref(&new));
        host.moved_to(now);
        assert_eq!(host.fleet.addresses().first(), Some(&new));
        assert_eq!(host.mail.panel(), panel);
        end(host).await;
    }

    #[tokio::test]
    async fn the_machine_is_asked_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let (host, mut elsewhere) = host(&State::open(&folder.path().join("state"), "host").unwrap()).await;
        elsewhere.add_host("198.51.100.7");
        ask_every(Duration::from_millis(5), &host.whereabouts, host.ambient());
        for _ in 0..2 {
            host.moved_to(elsewhere.clone());
            let asked = async {
                while host.whereabouts.seen().now == elsewhere {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), asked)
                .await
                .expect("nobody asked");
        }
        end(host).await;
    }

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
