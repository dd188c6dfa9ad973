//! Another secret for the cluster, while none of its Hosts runs: everything that is sealed under the old one is sealed anew, in
//! one transaction.

use std::path::Path;
use std::sync::Arc;

use watchroom_fleet::nodes::Generation;
use watchroom_identity::{FactorError, Resealed, Seals, SharedKey, reseal};
use watchroom_kit::{Ambient, Fault, FaultKind};
use watchroom_mail::SendError;
use watchroom_policy::{Permit, act};
use watchroom_store::{Store, StoreError};
use watchroom_trust::{ClusterSecret, SecurityModule, UnsealError};

use crate::failure::Failure;
use crate::wire::authority::{generation, sealed};
use crate::wire::vault::ClusterVault;

/// What was sealed anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotated {
    /// Cluster CAs.
    pub(crate) authorities: usize,
    /// What is people's.
    pub(crate) people: Resealed,
    /// Letters that wait.
    pub(crate) letters: usize,
}

/// Why the old secret goes on.
#[derive(Debug, thiserror::Error)]
enum RotateError {
    #[error("somebody else has changed the cluster CAs at this moment")]
    Meanwhile,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    People(#[from] FactorError),
    #[error(transparent)]
    Letters(#[from] SendError),
}

impl RotateError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Meanwhile => FaultKind::Conflict,
            Self::Store(error) => error.kind(),
            Self::People(error) => error.kind(),
            Self::Letters(error) => error.kind(),
        }
    }
}

/// Makes a secret and seals everything anew under it; the one before stays beside it, for backups of the database from
/// before.
///
/// # Errors
/// If something cannot be opened, sealed or kept; then the old secret goes on.
pub(crate) async fn rotate(
    state: &Path,
    store: &Store,
    permit: &Permit<act::RotateSecret>,
    module: Option<&SecurityModule>,
    ambient: &Ambient,
) -> Result<Rotated, Failure> {
    let known = Generation::all(store).await.map_err(unkept)?;
    if known.is_empty() {
        let cause = "this database knows of no cluster";
        return Err(Failure::new(FaultKind::NotFound, cause).next_step("give the --config of the Host"));
    }
    alone(store).await?;
    // One that was interrupted is brought to its end first.
    super::cluster::open(state, store, module, ambient).await?;
    let old = ClusterSecret::open(state).map_err(Failure::trust)?;
    let old = old.ok_or_else(|| {
        let cause = format!("{} is not there", ClusterSecret::path(state).display());
        Failure::new(FaultKind::NotFound, cause).next_step("give the --state of a Host that has started once")
    })?;
    let new = ClusterSecret::by_chance(&ambient.entropy);
    let handed = hand_over(&known, (&old, &new), ambient)?;
    let [before, after] = [&old, &new].map(|secret| Arc::new(ClusterVault::of(secret.clone(), ambient)));
    let seals = |secret: &ClusterSecret, vault: &Arc<ClusterVault>| Seals {
        vault: Arc::clone(vault) as Arc<_>,
        key: SharedKey::new(secret.derive(super::PEOPLE)),
    };
    let people = (seals(&old, &before), seals(&new, &after));
    // On disk before anything is sealed under it: what it seals must never outlive it.
    new.keep_next(state).map_err(Failure::trust)?;
    let rotated = store.write(permit, async move |tx| {
        if !Generation::seal_anew(tx, &known, &handed).await? {
            return Err(RotateError::Meanwhile);
        }
        let rotated = Rotated {
            authorities: handed.len(),
            people: reseal(tx, &people.0, &people.1).await?,
            letters: watchroom_mail::reseal(tx, &*before, &*after).await?,
        };
        tx.note("authorities", rotated.authorities);
        tx.note("seeds", rotated.people.seeds);
        tx.note("bound", rotated.people.passkeys);
        tx.note("letters", rotated.letters);
        tx.note("foreign", rotated.people.foreign);
        Ok::<_, RotateError>(rotated)
    });
    let rotated = rotated.await.map_err(unkept)?;
    new.take_over(state, ambient.now()).map_err(|error| {
        let cause = format!("everything is sealed under the new secret, which could not take its place: {error}");
        Failure::new(FaultKind::Internal, cause).next_step(
            "leave keys/ as it is, mend what is named, and start: the Host takes keys/cluster.secret.next by itself",
        )
    })?;
    Ok(rotated)
}

/// Refuses while another process uses the database: it would go on sealing under the old secret.
async fn alone(store: &Store) -> Result<(), Failure> {
    let others = store.others().await.map_err(unkept)?;
    if others.is_empty() {
        return Ok(());
    }
    let cause = format!("other Hosts use this database (chains {})", others.join(", "));
    Err(Failure::new(FaultKind::Conflict, cause).next_step("stop them, and try again"))
}

/// The CAs under the seal of the new secret.
fn hand_over(
    known: &[Generation],
    (old, new): (&ClusterSecret, &ClusterSecret),
    ambient: &Ambient,
) -> Result<Vec<Generation>, Failure> {
    let not_a_ca = |error: serde_json::Error| Failure::trust(UnsealError::NotACa(error.to_string()));
    let handed = sealed(known).map_err(not_a_ca)?.into_iter().map(|one| {
        let one = old
            .hand_over(&one, new, &ambient.entropy)
            .map_err(Failure::trust)?;
        generation(&one).map_err(not_a_ca)
    });
    handed.collect()
}

/// The old secret goes on; or the new one, where the server did not say how the commit ended.
fn unkept<E: Into<RotateError>>(error: E) -> Failure {
    let error = error.into();
    let (cause, next_step) = match &error {
        RotateError::Store(StoreError::InDoubt(_)) => (
            format!("it is not known which secret the database has: {error}"),
            "start the Host: it goes on with whichever secret opens its database",
        ),
        _ => (
            format!("the cluster's secret was not changed: {error}"),
            "mend what is named, and try again",
        ),
    };
    Failure::new(error.kind(), cause).next_step(next_step)
}
