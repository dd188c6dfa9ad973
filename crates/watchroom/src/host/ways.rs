//! What the first administrator allowed at set-up, beside the configuration: the way by which they came.
//!
//! It lies in `<state>/allowed.json` and adds to `shield.hosts` and `shield.allowed_networks.administration`. It never takes
//! anything away, and an administrator may change or remove it while the Host is stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use watchroom_kit::{Ambient, FaultKind, files};
use watchroom_shield::{Network, Passed, RouteClass, Shield};
use watchroom_web::{ClosedWay, RouteTable, Ways};

use super::router;
use crate::config::Config;
use crate::failure::Failure;

const FILE: &str = "allowed.json";

/// What was allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Allowed {
    hosts: Vec<String>,
    administration: Vec<Network>,
}

impl Allowed {
    /// What lies in a state folder; nothing, if nothing was allowed there.
    fn read(state: &Path) -> Result<Self, Failure> {
        let path = state.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unusable(&path, &error)),
        };
        serde_json::from_slice(&text).map_err(|error| unusable(&path, &error))
    }

    /// Adds it to what the configuration says of the edge; `own` are this machine's names, answered if no others are named.
    fn onto(&self, edge: &mut watchroom_shield::Config, own: &mut Vec<String>) {
        let hosts = if edge.hosts.is_empty() {
            own
        } else {
            &mut edge.hosts
        };
        hosts.extend_from_slice(&self.hosts);
        let administration = &mut edge.allowed_networks.administration;
        // An empty list lets in everybody already.
        if !administration.is_empty() {
            administration.extend_from_slice(&self.administration);
        }
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FaultKind::Internal,
        format!("cannot use {}: {error}", path.display()),
    )
    .next_step("mend or remove it; it only adds hosts and networks to those of the configuration")
}

/// The ways to a running edge: those that are configured, this machine's own names, and what was allowed at set-up.
pub(super) struct SetUpWays {
    state: PathBuf,
    shield: Shield,
    configured: Config,
    ways: Mutex<Known>,
}

/// What is known beside the configuration.
struct Known {
    own_hosts: Vec<String>,
    allowed: Allowed,
}

impl Known {
    /// The edge, and the names that are answered if it gives none.
    fn edge(&self, configured: &Config) -> (watchroom_shield::Config, Vec<String>) {
        let (mut edge, mut names) = router::edge(configured, &self.own_hosts);
        self.allowed.onto(&mut edge, &mut names);
        (edge, names)
    }
}

impl std::fmt::Debug for SetUpWays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetUpWays").finish_non_exhaustive()
    }
}

/// The edge as it is configured and as was allowed at set-up, and what opens further ways there.
pub(super) fn edge(
    state: &Path,
    config: &Config,
    own_hosts: Vec<String>,
    table: RouteTable,
    ambient: &Ambient,
) -> Result<(Shield, Arc<SetUpWays>), Failure> {
    let allowed = Allowed::read(state)?;
    let known = Known { own_hosts, allowed };
    let shield = router::shield(config, known.edge(config), table, ambient)?;
    let ways = SetUpWays {
        state: state.to_owned(),
        shield: shield.clone(),
        configured: config.clone(),
        ways: Mutex::new(known),
    };
    Ok((shield, Arc::new(ways)))
}

impl SetUpWays {
    /// Answers by these names and addresses of this machine from now on.
    pub(super) fn answer_by(&self, own_hosts: Vec<String>) {
        let mut known = self.known();
        known.own_hosts = own_hosts;
        self.reload(&known);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload(&self, known: &Known) {
        let (edge, names) = known.edge(&self.configured);
        self.shield.reload(edge, &names);
    }
}

impl Ways for SetUpWays {
    fn closed(&self, passed: &Passed) -> ClosedWay {
        ClosedWay {
            host: self.shield.foreign_host(passed),
            network: (!self.shield.is_allowed(RouteClass::Administration, passed))
                .then(|| Network::around(passed.client)),
        }
    }

    fn open(&self, way: &ClosedWay) -> io::Result<()> {
        let mut known = self.known();
        known.allowed.hosts.extend(way.host.clone());
        known.allowed.administration.extend(way.network);
        self.reload(&known);
        let text = serde_json::to_vec_pretty(&known.allowed)?;
        files::replace(&self.state.join(FILE), &text, files::PRIVATE_FILE)
    }
}
