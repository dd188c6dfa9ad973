//! Rotating the cluster CA, as a person orders it.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::{Permit, act};
use watchroom_store::StoreError;

use crate::{Fleet, Outcome};

/// A rotation of the cluster CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CaRotation {
    /// Whether it began now, or was under way already.
    pub outcome: Outcome,
    /// The fingerprint of the CA that signs now; join URLs made before do not hold it.
    pub fingerprint: String,
    /// When the CA before it is trusted no longer, even if a node has not moved.
    #[serde(with = "time::serde::rfc3339")]
    pub retires_at: OffsetDateTime,
}

/// Why the cluster CA was not rotated.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RotationError {
    /// The new one cannot be made or kept.
    #[error("the new cluster CA could not be made: {0}")]
    Keys(String),
    /// It cannot be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for RotationError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Keys(_) => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Keys(_) => "ca-not-rotated",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Keys(_) => "the new cluster CA could not be made; the Host's log says why".to_owned(),
            Self::Store(error) => error.public(),
        }
    }
}

impl Fleet {
    /// Makes a new cluster CA: it signs from now on, every node is told and moves to it, and the one before
    /// retires when all have, at the latest when the answer says. One rotation is under way at a time.
    ///
    /// # Errors
    /// [`RotationError`].
    pub async fn rotate_ca(&self, permit: &Permit<act::RotateCa>) -> Result<CaRotation, RotationError> {
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", "intent");
                Ok::<_, StoreError>(())
            })
            .await?;
        let rotated = self.gateway().rotate_ca().await;
        let noted = match &rotated {
            Ok(rotation) => Ok(rotation.clone()),
            Err(why) => Err(why.clone()),
        };
        self.store()
            .write(permit, async move |tx| {
                tx.note("phase", "outcome");
                match &noted {
                    Ok(rotation) => {
                        tx.note("outcome", crate::servers::word(&rotation.outcome));
                        tx.note("fingerprint", rotation.fingerprint.clone());
                    }
                    Err(why) => {
                        tx.note("outcome", why.clone());
                        tx.note_failure();
                    }
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        rotated.map_err(RotationError::Keys)
    }
}
