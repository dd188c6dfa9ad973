//! The cluster CA of a Host when it starts: from the database that it shares with its replicas, opened by the secret that
//! it shares with them too; made at the very first start.

use std::path::Path;
use std::sync::Arc;

use watchroom_fleet::nodes::Generation;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_store::{Store, StoreError};
use watchroom_trust::{CaKeys, ClusterCa, ClusterSecret, NodeKey, SecurityModule, UnsealError};

use crate::failure::Failure;
use crate::role_file::{Copy, RoleFile};
use crate::wire::authority::{generation, sealed};

/// Opens the cluster CA, or founds the cluster.
///
/// # Errors
/// If this machine has not the secret of the cluster in the database, or belongs to another cluster; the failure names
/// the command to run.
pub(crate) async fn open(
    state: &Path,
    store: &Store,
    module: Option<&SecurityModule>,
    ambient: &Ambient,
) -> Result<Arc<ClusterCa>, Failure> {
    let known = Generation::all(store).await.map_err(unread)?;
    let secret = ClusterSecret::open(state).map_err(Failure::trust)?;
    let (ca, secret) = match (known.is_empty(), secret) {
        (true, secret) => found(state, store, (secret, module), ambient).await?,
        (false, Some(secret)) => opened_by_either(state, (secret, module), &known, ambient)?,
        (false, None) => return Err(no_secret()),
    };
    // What an earlier version left in files lies in the database now. That of another cluster is not ours to remove.
    let left = ClusterCa::of_files(state, keys(secret, module), ambient).map_err(Failure::trust)?;
    match left {
        Some(left) if left.cluster_id() == ca.cluster_id() => {
            ClusterCa::forget_files(state).map_err(Failure::trust)?;
        }
        Some(left) => tracing::warn!(
            "keys/cluster-ca.key is of cluster {}, which this Host does not belong to; keep it elsewhere",
            left.cluster_id()
        ),
        None => {}
    }
    Ok(Arc::new(ca))
}

/// Opens what the database has by the secret in force; or, where a rotation of it was interrupted after the database had
/// what is sealed under the next one, by that.
fn opened_by_either(
    state: &Path,
    (secret, module): (ClusterSecret, Option<&SecurityModule>),
    known: &[Generation],
    ambient: &Ambient,
) -> Result<(ClusterCa, ClusterSecret), Failure> {
    let next = ClusterSecret::next(state).map_err(Failure::trust)?;
    let by = |secret: &ClusterSecret| opened(keys(secret.clone(), module), known);
    let ca = match (by(&secret), next) {
        (Ok(ca), Some(_)) => {
            ClusterSecret::set_next_aside(state, ambient.now()).map_err(Failure::trust)?;
            ca
        }
        (Err(error), Some(next)) => {
            let ca = by(&next).map_err(|of_next| match of_next {
                // The secret was the right one.
                UnsealError::Module(_) => unopened(of_next),
                _ => named(state, by, error),
            })?;
            next.take_over(state, ambient.now()).map_err(Failure::trust)?;
            tracing::info!("the cluster's secret is the one that was made last");
            return Ok((ca, next));
        }
        (opened, None) => opened.map_err(|error| named(state, by, error))?,
    };
    Ok((ca, secret))
}

/// The failure with the file that would help: a database of an earlier day opens with the secret of then.
fn named(
    state: &Path,
    by: impl Fn(&ClusterSecret) -> Result<ClusterCa, UnsealError>,
    error: UnsealError,
) -> Failure {
    let failure = unopened(error);
    let mut former = ClusterSecret::former(state).into_iter();
    match former.find(|(_, secret)| by(secret).is_ok()) {
        Some((file, _)) => failure.next_step(format!(
            "{} opens it: if this is the database to go on with, put that file in the place of {}",
            file.display(),
            ClusterSecret::path(state).display()
        )),
        None => failure,
    }
}

fn keys(secret: ClusterSecret, module: Option<&SecurityModule>) -> CaKeys {
    let module = module.cloned();
    CaKeys { secret, module }
}

fn opened(keys: CaKeys, known: &[Generation]) -> Result<ClusterCa, UnsealError> {
    let sealed = sealed(known).map_err(|error| UnsealError::NotACa(error.to_string()))?;
    ClusterCa::open(keys, &sealed)
}

fn unopened(error: UnsealError) -> Failure {
    match error {
        UnsealError::AnotherSecret(_) => {
            Failure::new(FaultKind::Conflict, error.to_string()).next_step(TAKE_IT)
        }
        _ => Failure::trust(error),
    }
}

/// Founds a cluster, or brings the CA of an earlier version into the database.
async fn found(
    state: &Path,
    store: &Store,
    (kept, module): (Option<ClusterSecret>, Option<&SecurityModule>),
    ambient: &Ambient,
) -> Result<(ClusterCa, ClusterSecret), Failure> {
    let is_new = kept.is_none();
    let secret = kept.unwrap_or_else(|| ClusterSecret::by_chance(&ambient.entropy));
    let left = ClusterCa::of_files(state, keys(secret.clone(), module), ambient).map_err(Failure::trust)?;
    if left.is_none() {
        belongs_to_none(state)?;
    }
    // On disk before anything is sealed under it: what it seals must never outlive it.
    if is_new {
        secret.keep(state).map_err(Failure::trust)?;
    }
    let (ca, is_ours) = match left {
        Some(left) => (left, false),
        None => {
            let founded = ClusterCa::found(keys(secret.clone(), module), ambient);
            (founded.map_err(Failure::trust)?, true)
        }
    };
    let first: Result<Vec<_>, _> = ca.sealed().iter().map(generation).collect();
    let founded = Generation::found(store, first.map_err(Failure::trust)?, ambient).await;
    let may_be_there = match &founded {
        Ok(is_there) => *is_there,
        Err(error) => error.leaves_doubt(),
    };
    if is_ours && !may_be_there {
        ca.sealed().iter().for_each(|unused| ca.discard(unused));
    }
    if founded.map_err(unread)? {
        return Ok((ca, secret));
    }
    if is_new {
        ClusterSecret::forget(state).map_err(Failure::trust)?;
    }
    // Another Host was first, at this very moment.
    Err(no_secret())
}

/// A machine that was a Host founds no other cluster because somebody has pointed it at an empty database.
fn belongs_to_none(state: &Path) -> Result<(), Failure> {
    let key = NodeKey::open_or_make(state).map_err(Failure::trust)?;
    match RoleFile::of(state).read(&key)? {
        Copy::Missing => Ok(()),
        known => {
            let cause = format!("this machine is {known} (role.toml), but its database knows of no cluster");
            Err(Failure::new(FaultKind::Conflict, cause).next_step(
                "restore the database or point store.url at the right one; to begin anew give a new --state",
            ))
        }
    }
}

const TAKE_IT: &str = "on a Host that runs on this database: watchroom cluster replica secret > replica.secret; carry that \
                       file here and run: watchroom cluster replica prepare --replace replica.secret";

fn no_secret() -> Failure {
    let cause = "this database belongs to a cluster whose secret is not on this machine";
    Failure::new(FaultKind::Conflict, cause).next_step(TAKE_IT)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unread(error: StoreError) -> Failure {
    Failure::new(
        FaultKind::Internal,
        format!("the cluster CAs in the database cannot be read or kept: {error}"),
    )
}
