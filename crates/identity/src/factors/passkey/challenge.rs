//! Challenges: signed, for one purpose and one browser, for five minutes, and taken once.
//!
//! Nothing is kept of one until it is taken: whoever asks for many fills no memory, and every Host knows them all.

use data_encoding::BASE64URL_NOPAD;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_store::{StoreError, WriteTx};

use crate::digest::Digest;
use crate::entity::spent_errand;
use crate::{Identity, stamp};

/// How long one holds, in seconds.
pub(super) const HOLDS_S: u32 = 300;

/// What a challenge is for. An answer to one purpose serves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    SecondFactor,
    StepUp,
    Registration,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::SignIn => "a passkey to sign in",
            Self::SecondFactor => "a passkey as second factor",
            Self::StepUp => "a passkey as fresh proof",
            Self::Registration => "a new passkey",
        }
    }
}

/// A challenge that was answered, and is to be spent with what it allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpentChallenge {
    digest: Digest,
    until: i64,
}

impl SpentChallenge {
    /// Spends it as part of a change; `false` if it was spent before. Another Host's at the same moment is refused by
    /// the database: see [`is_spent`].
    pub(crate) async fn spend(self, tx: &WriteTx, now: i64) -> Result<bool, StoreError> {
        let errand = self.digest.to_string();
        if tx
            .one(spent_errand::Entity::find_by_id(errand.clone()))
            .await?
            .is_some()
        {
            return Ok(false);
        }
        let over = spent_errand::Entity::delete_many().filter(spent_errand::Column::Until.lte(now));
        tx.delete(over).await?;
        let spent = spent_errand::ActiveModel {
            errand: Set(errand),
            until: Set(self.until),
        };
        tx.insert(spent).await?;
        Ok(true)
    }
}

/// Whether the database refused a challenge that another Host took at the same moment.
pub(crate) fn is_spent(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Taken {
            constraint: "spent_errand_key"
        }
    )
}

impl Identity {
    /// A new challenge for one browser: `bound_to` is what only that one has, or a session.
    pub(super) fn challenge(&self, purpose: Purpose, bound_to: &str) -> String {
        let until = self.inner.ambient.clock.now_micros() + stamp::seconds(HOLDS_S);
        let nonce = BASE64URL_NOPAD.encode(&self.inner.ambient.entropy.bytes::<24>());
        let text = format!("{nonce} {}", Digest::of(bound_to));
        // It is far shorter than what would be too long; an empty one is answered by nobody.
        self.inner
            .signatures
            .sign(purpose.word(), until, &text)
            .unwrap_or_default()
    }

    /// A challenge of ours that still holds, for this purpose and browser.
    pub(super) fn answered(
        &self,
        purpose: Purpose,
        bound_to: &str,
        challenge: &str,
    ) -> Option<SpentChallenge> {
        let now = self.inner.ambient.clock.now_micros();
        let text = self.inner.signatures.open(purpose.word(), challenge, now)?;
        let (_, bound) = text.split_once(' ')?;
        (Digest::parse(bound)? == Digest::of(bound_to)).then(|| SpentChallenge {
            digest: Digest::of(challenge),
            until: now + stamp::seconds(HOLDS_S),
        })
    }
}
