//! The Host: every part made, wired to the others, and served.

mod certificate;
mod client_ca;
pub(crate) mod cluster;
mod enrol;
mod links;
mod listen;
mod ops;
mod reach;
mod router;
pub(crate) mod secret;
mod vitals;
mod ways;
mod whereabouts;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use watchroom_api::{Api, ApiParts};
use watchroom_defence::Defence;
use watchroom_fleet::Fleet;
use watchroom_identity::{Identity, Providers, SharedKey};
use watchroom_kit::{Ambient, FaultKind};
use watchroom_link::Hub;
use watchroom_mail::{Mail, Pace};
use watchroom_records::Records;
use watchroom_shield::Shield;
use watchroom_store::{Settings, Store};
use watchroom_trust::{ClusterCa, LocalNames, PanelCertificate};
use watchroom_web::{Dispatch, Entrance, EntranceParts, Feed};

pub use crate::wire::authority::CaAuthority;
pub use crate::wire::vault::ClusterVault;
pub use listen::Listeners;
pub(crate) use vitals::loopback_of;

use self::router::Routes;
use self::vitals::{Asked, HostVitals};
use self::whereabouts::{Whereabouts, own_hosts};
use crate::config::Config;
use crate::doctor::host::HostDoctor;
use crate::doctor::named;
use crate::failure::Failure;
use crate::role_file::HostRole;
use crate::state::State;
use crate::wire::certificate::OfPanel;
use crate::wire::defence::Own;
use crate::wire::providers::Configured;
use crate::wire::refusals::ToRecords;
use crate::wire::tls::ByAlpn;
use crate::wire::{counters, defence, directory, feed, link_events, locks, own_node, refusals, rotation};

/// What the key is for that identity derives its own from.
pub(crate) const PEOPLE: &str = "identity";

/// All parts of a running Host. Tests reach for the parts; the program only serves and closes.
pub struct Host {
    /// The memory.
    pub store: Store,
    /// Who people are.
    pub identity: Identity,
    /// Nodes and servers.
    pub fleet: Fleet,
    /// The audit log.
    pub records: Records,
    /// Letters to people.
    pub mail: Mail,
    /// Who is kept out.
    pub defence: Defence,
    /// The links.
    pub hub: Hub,
    /// The edge.
    pub shield: Shield,
    /// What changes.
    pub feed: Feed,
    /// The authority of the links.
    pub cluster_ca: Arc<ClusterCa>,
    /// The certificate that browsers meet.
    pub certificate: Arc<PanelCertificate>,
    dispatch: Dispatch,
    ops: axum::Router,
    vitals: Arc<HostVitals>,
    role: Arc<HostRole>,
    whereabouts: Arc<Whereabouts>,
    choose: Arc<ByAlpn>,
    ambient: Ambient,
}

impl Host {
    /// Makes every part on this state folder; nothing listens yet.
    ///
    /// # Errors
    /// If a part cannot be made; the failure names the next step.
    pub async fn open(state: &State, config: &Config, ambient: Ambient) -> Result<Self, Failure> {
        // First of all: a machine that is refused here has made no keys that another Host's would have to replace.
        let store = open_store(state, config, &ambient).await?;
        let (cluster_ca, certificate, names) = authorities(state, config, &store, &ambient).await?;
        let role =
            Arc::new(HostRole::settle(state.folder(), &store, cluster_ca.cluster_id(), &ambient).await?);
        let (hub, fleet) = links::open(&cluster_ca, &store, config, &ambient).await?;
        let mail = letters(state, config, &store, &ambient)?;
        let identity = people(state, config, (&store, &mail), &cluster_ca, &names, &ambient).await?;
        let records = Records::new(store.clone(), ambient.clone());
        let feed = Feed::new(&ambient.entropy);
        let routes = Routes::all();
        let table = routes.table(config)?;
        let limited = routes.with_limits(config);
        let (shield, ways) = ways::edge(state.folder(), &limited, own_hosts(&names), table, &ambient)?;
        let whereabouts = Whereabouts::new(config, names, (&certificate, &ways), (&fleet, &mail), &ambient);
        let client_ca = client_ca::open(config, &shield, &ambient);
        let vitals = Arc::new(HostVitals::new(Asked {
            store: store.clone(),
            hub: hub.clone(),
            fleet: fleet.clone(),
            shield: shield.clone(),
            certificate: Arc::clone(&certificate),
            ca: Arc::clone(&cluster_ca),
            role: Arc::clone(&role),
            clock: ambient.clock.clone(),
        }));
        let own = own(config, whereabouts.addresses(), &identity, (&hub, &fleet));
        let defence = defence::open(&store, config, &shield, own, &ambient).await?;
        let entrance = entrance(&identity, &shield, &records, &ambient);
        let certificates = (&certificate, client_ca.as_ref());
        let providers: Arc<dyn Providers> = Arc::new(Configured::of(&config.identity.oidc, &ambient.clock)?);
        let parts = (&defence, &store, &mail, providers.clone());
        let doctor = HostDoctor::new(
            state.folder(),
            config,
            certificates,
            &cluster_ca,
            &entrance,
            parts,
        );
        let api = Api::new(ApiParts {
            entrance,
            fleet: fleet.clone(),
            records: records.clone(),
            defence: defence.clone(),
            mail: mail.clone(),
            feed: feed.clone(),
            tasks: ambient.tasks.clone(),
            vitals: vitals.clone(),
            doctor: Arc::new(doctor),
            security_contact: config.host.security_contact.clone(),
        });
        let served = Arc::new(OfPanel(Arc::clone(&certificate)));
        let dispatch = routes.serve(&api, (ways, providers), served)?;
        let ops = ops::router(vitals.clone(), shield.clone(), fleet.clone(), ambient.clone());
        let choose = links::doors(&cluster_ca, &hub, certificates, config, &ambient)?;
        let host = Self {
            store,
            identity,
            fleet,
            records,
            mail,
            defence,
            hub,
            shield,
            feed,
            cluster_ca,
            certificate,
            dispatch,
            ops,
            vitals,
            role,
            whereabouts,
            choose: Arc::new(choose),
            ambient,
        };
        host.follow();
        Ok(host)
    }

    /// Lets the parts hear of each other from now on.
    fn follow(&self) {
        let tasks = &self.ambient.tasks;
        link_events::follow(&self.hub, &self.fleet, tasks);
        locks::follow(&self.identity, &self.fleet, tasks);
        own_node::follow(&self.role, &self.hub, tasks);
        rotation::follow(&self.cluster_ca, &self.hub, &self.fleet, &self.ambient);
        feed::feed(&self.feed, &self.fleet, &self.store, tasks);
        refusals::follow_edge(&self.shield, &self.records, tasks);
        counters::follow(&self.shield, &self.records, &self.ambient);
        certificate::keep(Arc::clone(&self.certificate), &self.ambient);
        whereabouts::follow(&self.whereabouts, &self.ambient);
    }

    /// Goes by these names and addresses, as if the machine had been asked and had named them. An address that is none of them
    /// any more counts for another hour.
    pub fn moved_to(&self, names: LocalNames) {
        self.whereabouts.moved_to(names);
    }

    /// Serves on these listeners until the tasks stop.
    pub fn serve(&self, listeners: Listeners) {
        let tasks = &self.ambient.tasks;
        if let Ok(address) = listeners.panel.local_addr() {
            if let Some(http) = listeners.http {
                let sent = watchroom_shield::serve_redirects(
                    http,
                    self.shield.clone(),
                    address.port(),
                    tasks.clone(),
                );
                tasks.spawn_graceful("serve-http", sent);
            }
            self.vitals.answers_at(address);
            self.whereabouts.listens_at(address);
        }
        let (shield, choose) = (self.shield.clone(), self.choose.clone());
        tasks.spawn_graceful(
            "serve-panel",
            watchroom_shield::serve(
                listeners.panel,
                shield,
                choose,
                self.dispatch.clone(),
                tasks.clone(),
            ),
        );
        let local = watchroom_shield::serve_local(
            listeners.socket,
            self.shield.clone(),
            self.dispatch.clone(),
            tasks.clone(),
        );
        tasks.spawn_graceful("serve-socket", local);
        let ops_address = listeners.ops.local_addr().ok();
        let ops = watchroom_shield::serve_plain(
            listeners.ops,
            ops::shield(ops_address, &self.ambient),
            self.ops.clone(),
            tasks.clone(),
        );
        tasks.spawn_graceful("serve-ops", ops);
    }

    /// Puts this machine's own node on the roll with a fresh certificate, and keeps that fresh.
    ///
    /// # Errors
    /// If its identity or record cannot be kept.
    pub async fn enrol_local(&self, state: &Path, config: &Config, address: String) -> Result<(), Failure> {
        enrol::enrol(self, state, config, address).await
    }

    /// Whether this machine's own node has its link.
    #[must_use]
    pub fn has_local_link(&self) -> bool {
        let node = self.fleet.local_node();
        node.is_some_and(|node| self.hub.link(node.id()).is_some())
    }

    /// A node runs in this process: without its link the Host is not whole.
    pub fn expect_local_node(&self) {
        self.vitals.expect_local_node();
    }

    /// What every part is given.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Writes what is still to be written and lets go of the store. Call after the tasks have ended.
    pub async fn close(self) {
        self.store.close().await;
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// The authority of the links, and the certificate that browsers meet with the names that it covers: opened, or made where
/// they are missing or no longer good. Their keys may be in a security module.
async fn authorities(
    state: &State,
    config: &Config,
    store: &Store,
    ambient: &Ambient,
) -> Result<(Arc<ClusterCa>, Arc<PanelCertificate>, LocalNames), Failure> {
    let module = config.keys.module(state.folder())?;
    if let Some(module) = &module {
        module.open().map_err(Failure::trust)?;
    }
    let cluster_ca = cluster::open(state.folder(), store, module.as_ref(), ambient).await?;
    let panel = config.panel_settings(module).map_err(Failure::trust)?;
    let names = panel.names.clone();
    let made = PanelCertificate::open_or_make(state.folder(), panel, ambient);
    let (certificate, verdict) = made.map_err(Failure::trust)?;
    tracing::info!(certificate = ?verdict, "panel certificate");
    Ok((cluster_ca, Arc::new(certificate), names))
}

/// Whom a ban must not hit unasked.
fn own(
    config: &Config,
    addresses: Arc<ArcSwap<BTreeSet<IpAddr>>>,
    identity: &Identity,
    links: (&Hub, &Fleet),
) -> Own {
    Own {
        identity: identity.clone(),
        links: (links.0.clone(), links.1.clone()),
        proxies: config.shield.trusted_proxies.clone(),
        addresses,
    }
}

/// Letters to people, sealed while they wait.
fn letters(state: &State, config: &Config, store: &Store, ambient: &Ambient) -> Result<Mail, Failure> {
    let seal = ClusterVault::open(state.folder(), ambient)?;
    let (pace, letters) = (Pace::default(), config.mail.clone());
    let opened = Mail::open(store.clone(), letters, seal, pace, ambient.clone());
    opened.map_err(|error| Failure::new(FaultKind::Invalid, format!("mail: {error}")))
}

/// Who people are, and the directories that know them, with their secrets under the cluster's seal, and what replicas must agree about under a key that the
/// cluster shares.
async fn people(
    state: &State,
    config: &Config,
    (store, mail): (&Store, &Mail),
    ca: &ClusterCa,
    names: &LocalNames,
    ambient: &Ambient,
) -> Result<Identity, Failure> {
    let vault = ClusterVault::open(state.folder(), ambient)?;
    let key = SharedKey::new(ca.derived_key(PEOPLE));
    let people = called(config, names);
    let opened = Identity::open(store.clone(), people, (vault, mail.clone()), key, ambient.clone()).await;
    let opened = opened.map_err(|error| {
        let kind = match error {
            watchroom_identity::OpenError::LockedOut | watchroom_identity::OpenError::AccessKey(_) => {
                FaultKind::Invalid
            }
            watchroom_identity::OpenError::Hashing(_) | watchroom_identity::OpenError::Store(_) => {
                FaultKind::Internal
            }
        };
        Failure::new(kind, error.to_string())
    })?;
    let in_vain = opened.named_in_vain();
    if !in_vain.is_empty() {
        let names = named::told(&in_vain);
        tracing::warn!(%names, "the configuration names roles or groups that are not there: they give and require nothing");
    }
    directory::open(&opened, &config.identity.ldap, ambient)?;
    Ok(opened)
}

/// What authenticators call this Watchroom, where the configuration does not say: by the name of this machine.
fn called(config: &Config, names: &LocalNames) -> watchroom_identity::Config {
    let mut people = config.identity.clone();
    if people.second_factors.issuer.is_empty() {
        let mut hosts = names.hosts.iter();
        let host = hosts.find(|host| *host != "localhost");
        let host = host.map_or("localhost", String::as_str);
        people.second_factors.issuer = format!("Watchroom {host}");
    }
    people
}

/// What it takes to let a request in.
fn entrance(identity: &Identity, shield: &Shield, records: &Records, ambient: &Ambient) -> Entrance {
    Entrance::new(EntranceParts {
        identity: identity.clone(),
        shield: shield.clone(),
        ambient: ambient.clone(),
        refusals: Arc::new(ToRecords(records.note_refusals())),
        own_uid: rustix::process::geteuid().as_raw(),
    })
}

/// The memory of the Host on this state folder.
///
/// # Errors
/// If it cannot be opened; the failure names the next step.
pub(crate) async fn open_store(state: &State, config: &Config, ambient: &Ambient) -> Result<Store, Failure> {
    let server = config.store.server();
    let settings = Settings {
        server: server.map_err(|error| Failure::new(FaultKind::Invalid, error.to_string()))?,
        folder: state.private("db")?,
        audit_folder: state.private("audit")?,
        audit_key: state.private("keys")?.join("audit.key"),
    };
    let opened = Store::open(settings, ambient.clone()).await;
    opened.map_err(|error| Failure::new(FaultKind::Internal, error.to_string()))
}
