//! Laying a decoy out: its text is shown once, like a token's.

use sea_orm::ActiveValue::Set;
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault, SecretString};
use watchroom_model::{DecoyId, TokenName};
use watchroom_policy::{Permit, Resource, Target, act};
use watchroom_store::{Changed, StoreError};

use super::DecoyView;
use crate::digest::Digest;
use crate::entity::decoy_token;
use crate::tokens::{TokenKind, make};
use crate::{Identity, stamp};

/// A decoy that does not exist yet: what to ask leave for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoyDraft(DecoyId);

impl Target for DecoyDraft {
    fn resource(&self) -> Resource {
        Resource::decoy(self.0)
    }
}

/// A decoy that has just been made: the only moment at which its text is known.
#[derive(Debug)]
pub struct IssuedDecoy {
    /// The text to lay out.
    pub token: SecretString,
    /// What lists show of it.
    pub view: DecoyView,
}

/// Why a decoy was not made or removed.
#[derive(Debug, thiserror::Error)]
pub enum DecoyError {
    /// There is none such.
    #[error("there is no such decoy")]
    NotFound,
    /// There is one of that name.
    #[error("there is a decoy of that name")]
    NameTaken,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for DecoyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "decoy_token_name_key",
            } => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

impl Fault for DecoyError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NameTaken => FaultKind::Conflict,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NameTaken => "name-taken",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such decoy; it may have been removed".to_owned(),
            Self::NameTaken => "there is a decoy of that name already; choose another name".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NameTaken => vec![FieldFault::new("name", "taken", self.public())],
            Self::NotFound => Vec::new(),
            Self::Store(error) => error.fields(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl Identity {
    /// A decoy to be made.
    #[must_use]
    pub fn draft_decoy(&self) -> DecoyDraft {
        DecoyDraft(DecoyId::mint(&self.inner.ambient))
    }

    /// Makes the decoy that the permit was given for. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`DecoyError`].
    pub async fn create_decoy(
        &self,
        permit: &Permit<act::CreateDecoy>,
        name: TokenName,
    ) -> Result<IssuedDecoy, DecoyError> {
        let id = permit.resource().id().and_then(|id| id.parse().ok());
        let id: DecoyId = id.ok_or(DecoyError::NotFound)?;
        let token = make(TokenKind::Personal, &self.inner.ambient.entropy);
        let now = self.inner.ambient.clock.now_micros();
        let made_by = permit.principal().display_name();
        let row = decoy_token::ActiveModel {
            id: Set(id.to_string()),
            name: Set(name.to_string()),
            secret_hash: Set(Digest::of(token.expose_secret()).to_string()),
            made_by: Set(made_by.clone()),
            created_at: Set(now),
            touched_at: Set(None),
            touches: Set(0),
            touched_from: Set(None),
        };
        let made = self.inner.store.write(permit, async move |tx| {
            tx.insert(row.clone()).await?;
            tx.changed(Changed::Decoys);
            Ok::<_, DecoyError>(())
        });
        made.await?;
        self.reread_decoys().await?;
        let view = DecoyView {
            id,
            name,
            made_by,
            created_at: stamp::at(now),
            touched_at: None,
            touched_from: None,
            touches: 0,
        };
        Ok(IssuedDecoy { token, view })
    }
}
