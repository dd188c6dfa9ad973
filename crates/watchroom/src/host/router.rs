//! One route table: router, classifier and access walk are made from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchroom_api::Api;
use watchroom_identity::Providers;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_panel::{Certificates, Panel, PanelParts};
use watchroom_shield::{Network, RedisCounters, RouteLimit, Shield, Window};
use watchroom_web::{Dispatch, Route, RouteClash, RouteTable, Ways};

use crate::config::Config;
use crate::failure::Failure;
use crate::wire::locks;
use crate::wire::pages::{PanelPages, problem_page};

/// Everything that is served, before there is anything to serve it with.
pub(super) struct Routes {
    api: Vec<Route<Api>>,
    panel: Vec<Route<Panel>>,
}

impl Routes {
    pub(super) fn all() -> Self {
        Self {
            api: watchroom_api::routes(),
            panel: watchroom_panel::routes(),
        }
    }

    /// What the shield knows of them.
    pub(super) fn table(&self, config: &Config) -> Result<RouteTable, Failure> {
        let limits: BTreeSet<_> = self.limits().map(|limit| limit.name).collect();
        let mut named = config.shield.limits.routes.keys();
        if let Some(unknown) = named.find(|name| !limits.contains(name.as_str())) {
            let known = Vec::from_iter(limits).join(", ");
            let cause = format!("shield.limits.routes.{unknown} limits no route");
            return Err(
                Failure::new(FaultKind::Invalid, cause).next_step(format!("take it out; there is {known}"))
            );
        }
        let rules = self.api.iter().map(Route::rule);
        RouteTable::new(rules.chain(self.panel.iter().map(Route::rule))).map_err(|error| clash(&error))
    }

    /// The configuration, with what single routes allow by themselves where it says nothing of them.
    pub(super) fn with_limits(&self, config: &Config) -> Config {
        let mut config = config.clone();
        let named = &mut config.shield.limits.routes;
        for limit in self.limits() {
            let usual = || vec![Window::per_minute(limit.per_minute)];
            named.entry(limit.name.to_owned()).or_insert_with(usual);
        }
        config
    }

    fn limits(&self) -> impl Iterator<Item = RouteLimit> {
        let limits = self.api.iter().filter_map(|route| route.limit);
        limits.chain(self.panel.iter().filter_map(|route| route.limit))
    }

    /// The service behind the shield.
    pub(super) fn serve(
        self,
        api: &Api,
        (ways, providers): (Arc<dyn Ways>, Arc<dyn Providers>),
        certificates: Arc<dyn Certificates>,
    ) -> Result<Dispatch, Failure> {
        let panel = Panel::new(PanelParts {
            entrance: api.entrance.clone(),
            fleet: api.fleet.clone(),
            records: api.records.clone(),
            defence: api.defence.clone(),
            mail: api.mail.clone(),
            doctor: api.doctor.clone(),
            certificates,
            ways,
            providers,
        });
        let pages = self
            .panel
            .into_iter()
            .map(|route| route.with_state(panel.clone()));
        let routes = self.api.into_iter().map(|route| route.with_state(api.clone()));
        let gate = locks::gate(&api.entrance.identity, api.entrance.own_uid);
        Dispatch::new(routes.chain(pages), problem_page(), gate).map_err(|error| clash(&error))
    }
}

fn clash(error: &RouteClash) -> Failure {
    Failure::new(FaultKind::Internal, error.to_string())
}

/// What the configuration says of the edge, and the names that are answered if it gives none.
pub(super) fn edge(config: &Config, own_hosts: &[String]) -> (watchroom_shield::Config, Vec<String>) {
    let mut names: Vec<_> = config.host.names.iter().map(ToString::to_string).collect();
    names.extend_from_slice(own_hosts);
    let mut edge = config.shield.clone();
    edge.reports_to = Some(watchroom_api::REPORTS);
    // It stands with what else is said of nodes, and holds at the edge.
    let nodes = config.cluster.allowed_networks.iter().copied();
    edge.allowed_networks.nodes = nodes.map(Network::from).collect();
    (edge, names)
}

pub(super) fn shield(
    config: &Config,
    (edge, names): (watchroom_shield::Config, Vec<String>),
    classifier: RouteTable,
    ambient: &Ambient,
) -> Result<Shield, Failure> {
    let shared = config
        .shield
        .limits
        .redis()
        .map_err(|error| Failure::new(FaultKind::Invalid, format!("shield.limits: {error}")))?;
    let shield = Shield::with_pages(
        edge,
        &names,
        Arc::new(classifier),
        Some(Arc::new(PanelPages)),
        ambient,
    );
    if let Some(server) = shared {
        let counters = RedisCounters::connect(server, &ambient.tasks);
        shield.limits().share(Arc::new(counters));
    }
    Ok(shield)
}
