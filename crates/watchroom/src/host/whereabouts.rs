//! Where this machine is found: its names and addresses, asked for again while the Host runs.
//!
//! A machine gets other addresses from its network or its owner. Within a minute the panel answers there under a
//! certificate that covers them, join URLs name them, and a ban of them is held back, all without a restart.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use watchroom_fleet::Fleet;
use watchroom_kit::Tasks;
use watchroom_mail::Mail;
use watchroom_trust::{LocalNames, PanelCertificate};

use super::reach::Reach;
use super::ways::SetUpWays;
use crate::config::Config;

const ASKED_EVERY: Duration = Duration::from_secs(60);

/// Tells everything that goes by this machine's names and addresses what they are.
pub(super) struct Whereabouts {
    config: Config,
    certificate: Arc<PanelCertificate>,
    ways: Arc<SetUpWays>,
    /// What a ban must not hit unasked.
    addresses: Arc<ArcSwap<BTreeSet<IpAddr>>>,
    fleet: Fleet,
    mail: Mail,
    /// Where the panel listens, once it does.
    bound: OnceLock<SocketAddr>,
    names: Mutex<LocalNames>,
}

impl Whereabouts {
    pub(super) fn new(
        config: &Config,
        names: LocalNames,
        (certificate, ways): (&Arc<PanelCertificate>, &Arc<SetUpWays>),
        (fleet, mail): (&Fleet, &Mail),
    ) -> Arc<Self> {
        Arc::new(Self {
            config: config.clone(),
            certificate: Arc::clone(certificate),
            ways: Arc::clone(ways),
            addresses: Arc::new(ArcSwap::from_pointee(names.addresses.clone())),
            fleet: fleet.clone(),
            mail: mail.clone(),
            bound: OnceLock::new(),
            names: Mutex::new(names),
        })
    }

    /// The addresses of this machine, as they are whenever they are looked at.
    pub(super) fn addresses(&self) -> Arc<ArcSwap<BTreeSet<IpAddr>>> {
        Arc::clone(&self.addresses)
    }

    /// The panel listens here from now on.
    pub(super) fn listens_at(&self, bound: SocketAddr) {
        let names = self.names();
        self.advertise(*self.bound.get_or_init(|| bound), &names);
    }

    /// This is what the machine is called from now on.
    pub(super) fn moved_to(&self, now: LocalNames) {
        let mut names = self.names();
        if *names == now {
            return;
        }
        tracing::info!(
            new = %now.missing_from(&names).join(", "),
            gone = %names.missing_from(&now).join(", "),
            "this machine's names or addresses have changed; the panel goes by the new ones"
        );
        self.certificate.cover(now.clone());
        self.ways.answer_by(own_hosts(&now));
        self.addresses.store(Arc::new(now.addresses.clone()));
        if let Some(bound) = self.bound.get() {
            self.advertise(*bound, &now);
        }
        *names = now;
    }

    fn advertise(&self, bound: SocketAddr, names: &LocalNames) {
        let reached = Reach::new(&self.config, names).of(bound);
        if let Some(best) = reached.first() {
            self.mail.listens_at(best);
        }
        self.fleet.advertise(reached);
    }

    /// Asks the machine, and goes by what it has now or had `before`: an interface that is down at one look has lost nothing.
    fn ask(&self, before: LocalNames) -> LocalNames {
        match self.config.panel_names() {
            Ok(now) => {
                self.moved_to(now.together_with(&before));
                now
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "this machine could not be asked for its addresses; the panel goes by those it knows"
                );
                before
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, LocalNames> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the machine until the tasks stop.
pub(super) fn follow(whereabouts: &Arc<Whereabouts>, tasks: &Tasks) {
    let whereabouts = Arc::clone(whereabouts);
    tasks.spawn("whereabouts", async move {
        let mut known = whereabouts.names().clone();
        loop {
            tokio::time::sleep(ASKED_EVERY).await;
            known = whereabouts.ask(known);
        }
    });
}

/// What this machine is called, by names and addresses.
pub(super) fn own_hosts(names: &LocalNames) -> Vec<String> {
    let addresses = names.addresses.iter().map(ToString::to_string);
    names.hosts.iter().cloned().chain(addresses).collect()
}
