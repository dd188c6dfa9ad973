//! The shield as a value: configuration, counters and events, shared by every listener.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use http::Method;
use tokio::sync::broadcast;
use uuid::Uuid;
use watchroom_kit::Ambient;

use crate::body::Held;
use crate::certificates::Wanted;
use crate::events::{Events, Seen};
use crate::headers::Labels;
use crate::reports::Reports;
use crate::rules::Rules;
use crate::{
    AttackClass, BanBook, BanKind, Classify, Config, JudgeCertificates, Limits, Pages, Passed, Refused,
    RouteClass, RouteRule, ShieldEvent, Spotted,
};

/// The edge. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Shield(Arc<Inner>);

struct Inner {
    rules: ArcSwap<Rules>,
    classify: Arc<dyn Classify>,
    pages: Option<Arc<dyn Pages>>,
    limits: Limits,
    held: Arc<Held>,
    labels: Labels,
    bans: ArcSwap<BanBook>,
    wanted: ArcSwapOption<Wanted>,
    events: Events,
    reports: Reports,
    ambient: Ambient,
}

impl Shield {
    /// An edge for an application that knows its routes. `own_hosts` are this machine's names and addresses,
    /// answered unless the configuration names others.
    #[must_use]
    pub fn new(config: Config, own_hosts: &[String], classify: Arc<dyn Classify>, ambient: &Ambient) -> Self {
        Self::with_pages(config, own_hosts, classify, None, ambient)
    }

    /// The same with pages of the application's own for people who are turned away.
    #[must_use]
    pub fn with_pages(
        config: Config,
        own_hosts: &[String],
        classify: Arc<dyn Classify>,
        pages: Option<Arc<dyn Pages>>,
        ambient: &Ambient,
    ) -> Self {
        let limits = Limits::new(config.limits.keys, ambient.clock.clone());
        let rules = ArcSwap::from_pointee(Rules::new(config, own_hosts));
        let events = Events::new(ambient.clock.clone());
        Self(Arc::new(Inner {
            rules,
            classify,
            pages,
            limits,
            held: Arc::default(),
            labels: Labels::default(),
            bans: ArcSwap::default(),
            wanted: ArcSwapOption::empty(),
            events,
            reports: Reports::default(),
            ambient: ambient.clone(),
        }))
    }

    /// Takes a changed configuration. Requests that are being checked finish under the old one; counters go on.
    /// The number of counted keys and of connections changes only with a restart.
    pub fn reload(&self, config: Config, own_hosts: &[String]) {
        self.0.rules.store(Arc::new(Rules::new(config, own_hosts)));
    }

    /// The configuration that holds now.
    #[must_use]
    pub fn config(&self) -> Config {
        self.rules().config.clone()
    }

    /// The counters, for limits per account and per user.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The bodies that are being read.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.0.held)
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.0.labels
    }

    /// Takes another book of bans in place of the one that holds.
    pub fn ban(&self, book: BanBook) {
        self.0.bans.store(Arc::new(book));
    }

    /// Wants a client certificate of people for these kinds of routes from now on. What they show is judged anew at each
    /// request. Whoever holds the machine itself (the Unix socket) needs none, nor does a [`crate::Choice::Narrow`] door.
    pub fn want_certificates(&self, classes: Vec<RouteClass>, judge: Arc<dyn JudgeCertificates>) {
        self.0.wanted.store(Some(Arc::new(Wanted { classes, judge })));
    }

    pub(crate) fn wanted_certificates(&self) -> Guard<Option<Arc<Wanted>>> {
        self.0.wanted.load()
    }

    /// The name or address by which a request asked, without its port, if it is none that is answered: only routes for all
    /// networks are asked for by such.
    #[must_use]
    pub fn foreign_host(&self, passed: &Passed) -> Option<String> {
        let named = passed.host.as_ref()?.named()?;
        let is_known = self.rules().hosts.contain(named, passed.is_loopback);
        (!is_known).then(|| named.to_string())
    }

    /// Whether the networks of this kind of routes hold whoever sent a request.
    #[must_use]
    pub fn is_allowed(&self, class: RouteClass, passed: &Passed) -> bool {
        let rules = self.rules();
        passed.is_loopback || rules.config.allowed_networks.bar(class, passed.client).is_none()
    }

    /// What the edge has to say from now on: each kind of trouble with each client at most twice a minute.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<ShieldEvent> {
        self.0.events.subscribe()
    }

    /// How often each reason (by its slug) has turned a request away since the start.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.events.counts()
    }

    /// A proxy on this machine that forwards requests without being declared, if one has since the start.
    #[must_use]
    pub fn undeclared_proxy(&self) -> Option<IpAddr> {
        self.0.events.undeclared()
    }

    /// How often inspection found each kind of attack since the start, and whether it was refused for it.
    pub fn findings(&self) -> impl Iterator<Item = (AttackClass, bool, u64)> {
        self.0.events.spotted_counts()
    }

    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.0.rules.load()
    }

    pub(crate) fn classify(&self, method: &Method, path: &str) -> RouteRule {
        self.0.classify.classify(method, path)
    }

    pub(crate) fn pages(&self) -> Option<&dyn Pages> {
        self.0.pages.as_deref()
    }

    pub(crate) fn next_id(&self) -> Uuid {
        self.0.ambient.uuid()
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.0.reports
    }

    pub(crate) fn now_micros(&self) -> i64 {
        self.0.ambient.clock.now_micros()
    }

    pub(crate) fn note(&self, refused: &Refused) {
        self.0.events.refused(refused);
    }

    pub(crate) fn warn_of_proxy(&self, peer: IpAddr, class: RouteClass, request_id: Uuid) {
        self.0.events.undeclared_proxy(peer, class, request_id);
    }

    /// Whether an address is kept out of everything now. Whatever goes on after its request passed asks this again.
    #[must_use]
    pub fn is_barred(&self, address: IpAddr) -> bool {
        self.banned(address) == Some(BanKind::Attack)
    }

    /// From what an address is kept out now.
    pub(crate) fn banned(&self, address: IpAddr) -> Option<BanKind> {
        let terms = self.0.bans.load().terms(address);
        if terms.are_empty() {
            return None;
        }
        terms.at(self.now_micros())
    }

    pub(crate) fn tell_of_decoy(&self, path: &str, client: IpAddr, request_id: Uuid, is_own_doing: bool) {
        self.0.events.decoy(path, client, request_id, is_own_doing);
    }

    pub(crate) fn tell_of_spotted(&self, spotted: &Spotted, seen: Seen) {
        self.0.events.spotted(spotted, seen);
    }

    pub(crate) fn sweep(&self) {
        self.0.events.sweep();
    }
}

impl fmt::Debug for Shield {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shield")
            .field("config", &self.rules().config)
            .finish_non_exhaustive()
    }
}
