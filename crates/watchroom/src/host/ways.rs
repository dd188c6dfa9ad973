//! What the first administrator allowed at set-up, beside the configuration: the way by which they came.
//!
//! It lies in `<state>/allowed.json` and adds to `shield.hosts` and `shield.allowed_networks.administration`. It never takes
//! anything away, and an administrator may change or remove it while the Host is stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// Opens ways at a running edge.
struct SetUpWays {
    state: PathBuf,
    shield: Shield,
    /// The edge and this machine's names as they are without what was allowed.
    configured: (watchroom_shield::Config, Vec<String>),
    allowed: Mutex<Allowed>,
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
    own_hosts: &[String],
    table: RouteTable,
    ambient: &Ambient,
) -> Result<(Shield, Arc<dyn Ways>), Failure> {
    let configured = router::edge(config, own_hosts);
    let allowed = Allowed::read(state)?;
    let (mut edge, mut own) = configured.clone();
    allowed.onto(&mut edge, &mut own);
    let shield = router::shield(config, (edge, own), table, ambient)?;
    let ways = SetUpWays {
        state: state.to_owned(),
        shield: shield.clone(),
        configured,
        allowed: Mutex::new(allowed),
    };
    Ok((shield, Arc::new(ways)))
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
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        allowed.hosts.extend(way.host.clone());
        allowed.administration.extend(way.network);
        let (mut edge, mut own) = self.configured.clone();
        allowed.onto(&mut edge, &mut own);
        self.shield.reload(edge, &own);
        let text = serde_json::to_vec_pretty(&*allowed)?;
        files::replace(&self.state.join(FILE), &text, files::PRIVATE_FILE)
    }
}
