//! Making a token: named, for an owner, with no more than asked for, until a day in the future.

use std::time::Duration;

use ipnet::IpNet;
use sea_orm::ActiveValue::Set;
use time::OffsetDateTime;
use watchroom_kit::{ExposeSecret, Fault, FaultKind, FieldFault, SecretString};
use watchroom_model::{TokenId, TokenName, UserId};
use watchroom_policy::{PermissionSet, Permit, Principal, Resource, SecondFactor, Target, Who, act};
use watchroom_store::{Changed, StoreError};

use super::text;
use super::{TokenKind, TokenView};
use crate::digest::Digest;
use crate::entity::token;
use crate::roll::Account;
use crate::{Identity, stamp, users};

/// A token that does not exist yet: ask leave to [`act::CreateToken`] on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenDraft {
    /// The id it will have.
    pub id: TokenId,
    /// Whose it will be.
    pub owner: UserId,
}

impl Target for TokenDraft {
    fn resource(&self) -> Resource {
        Resource::token(self.id, self.owner)
    }
}

/// What a token is to be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What the owner calls it; unique among theirs.
    pub name: TokenName,
    /// Whether it acts for the person or for a service.
    pub kind: TokenKind,
    /// What it may do, at most; `None` for all its owner may.
    pub permissions: Option<PermissionSet>,
    /// From where it holds; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// How long it holds; `None` for the usual time, 90 days unless configured.
    pub expires_in: Option<Duration>,
    /// Whether it may do what otherwise needs a fresh proof.
    pub allow_sensitive: bool,
}

/// A token that has just been made: the only moment at which its text is known.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token's text.
    pub token: SecretString,
    /// What lists show of it.
    pub view: TokenView,
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// A token can never make tokens.
    #[error("a token asked for a token")]
    ByToken,
    /// There is no such owner, or they are disabled.
    #[error("the owner does not exist or is disabled")]
    Owner,
    /// The owner has a token of that name.
    #[error("the owner has a token of that name")]
    NameTaken,
    /// It would hold longer than allowed, or not at all.
    #[error("the token would hold for an impossible time; at most {longest_s} s")]
    Lifetime {
        /// The longest time, in seconds.
        longest_s: u32,
    },
    /// It was to do what its owner may not.
    #[error("the token was to do more than its owner may")]
    MoreThanOwner,
    /// It would do what whoever makes it may not.
    #[error("the token would do more than its maker may")]
    MoreThanMaker,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CreateTokenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "token_name_key",
            } => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

impl Fault for CreateTokenError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::ByToken | Self::MoreThanMaker => FaultKind::Forbidden,
            Self::Owner => FaultKind::NotFound,
            Self::NameTaken => FaultKind::Conflict,
            Self::Lifetime { .. } | Self::MoreThanOwner => FaultKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::ByToken => "token-by-token",
            Self::MoreThanMaker => "more-than-own",
            Self::Owner => "not-found",
            Self::NameTaken => "name-taken",
            Self::Lifetime { .. } | Self::MoreThanOwner => "invalid-input",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::ByToken => {
                "a token cannot make tokens; sign in, or use the command line on the Host".to_owned()
            }
            Self::MoreThanMaker => "this token could do more than you may; name fewer permissions".to_owned(),
            Self::Owner => "there is no such active account; check the name".to_owned(),
            Self::NameTaken => "there is a token of that name already; choose another name".to_owned(),
            Self::Lifetime { longest_s } => {
                format!(
                    "a token holds for at least a minute and at most {} days",
                    longest_s / 86_400
                )
            }
            Self::MoreThanOwner => "a token can do no more than its owner; name fewer permissions".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        let fault = |field: &str, code: &str| vec![FieldFault::new(field, code, self.public())];
        match self {
            Self::NameTaken => fault("name", "taken"),
            Self::Lifetime { .. } => fault("expires_in", "out_of_range"),
            Self::MoreThanOwner => fault("permissions", "more_than_owner"),
            Self::ByToken | Self::Owner | Self::MoreThanMaker | Self::Store(_) => Vec::new(),
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
    /// A token to be made for `owner`: what to ask leave for.
    #[must_use]
    pub fn draft_token(&self, owner: UserId) -> TokenDraft {
        TokenDraft {
            id: TokenId::mint(&self.inner.ambient),
            owner,
        }
    }

    /// Makes the token that the permit was given for. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`CreateTokenError`].
    pub async fn create_token(
        &self,
        permit: &Permit<act::CreateToken>,
        new: NewToken,
    ) -> Result<IssuedToken, CreateTokenError> {
        if matches!(permit.principal().who, Who::Token { .. }) {
            return Err(CreateTokenError::ByToken);
        }
        let on = permit.resource();
        let id: TokenId = on
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(CreateTokenError::Owner)?;
        let owner = on
            .owner()
            .and_then(|owner| self.inner.roll.account(owner))
            .ok_or(CreateTokenError::Owner)?;
        self.check_token(permit, &owner, &new)?;
        let secret = text::make(new.kind, &self.inner.ambient.entropy);
        let row = self.token_row(id, &owner, &new, (&secret, is_proven(permit.principal())))?;
        let view = TokenView::draft(
            id,
            owner.id,
            &new,
            row.created_at.as_ref(),
            row.expires_at.as_ref(),
        );
        let user = owner.id;
        let owner_id = user.to_string();
        let made = self.inner.store.write(permit, async move |tx| {
            if !users::is_active(tx, &owner_id).await? {
                return Err(CreateTokenError::Owner);
            }
            tx.insert(row.clone()).await?;
            tx.note("may_be_sensitive", *row.may_be_sensitive.as_ref());
            tx.changed(Changed::Token(id));
            Ok(())
        });
        made.await?;
        self.reread(user).await.map_err(CreateTokenError::Store)?;
        Ok(IssuedToken { token: secret, view })
    }

    fn check_token(
        &self,
        permit: &Permit<act::CreateToken>,
        owner: &Account,
        new: &NewToken,
    ) -> Result<(), CreateTokenError> {
        let longest_s = self.inner.config.tokens.longest_s;
        let minute = Duration::from_secs(60);
        if new
            .expires_in
            .is_some_and(|span| span < minute || span > Duration::from_secs(u64::from(longest_s)))
        {
            return Err(CreateTokenError::Lifetime { longest_s });
        }
        let owned = users::all_of(&owner.grants);
        let wanted = new.permissions.unwrap_or(owned);
        if !owned.covers(wanted) {
            return Err(CreateTokenError::MoreThanOwner);
        }
        let maker = permit.principal();
        if maker.user() != Some(owner.id) && !users::held_everywhere(maker).covers(wanted) {
            return Err(CreateTokenError::MoreThanMaker);
        }
        Ok(())
    }

    fn token_row(
        &self,
        id: TokenId,
        owner: &Account,
        new: &NewToken,
        (secret, is_proven): (&SecretString, bool),
    ) -> Result<token::ActiveModel, StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let lasts = new
            .expires_in
            .map_or(stamp::seconds(self.inner.config.tokens.usual_s), stamp::span);
        let networks = (!new.networks.is_empty()).then_some(&new.networks);
        Ok(token::ActiveModel {
            id: Set(id.to_string()),
            owner: Set(owner.id.to_string()),
            name: Set(new.name.to_string()),
            secret_hash: Set(Digest::of(secret.expose_secret()).to_string()),
            permissions: Set(new.permissions.as_ref().map(json).transpose()?),
            networks: Set(networks.map(json).transpose()?),
            may_be_sensitive: Set(new.allow_sensitive),
            created_at: Set(now),
            expires_at: Set(now + lasts),
            last_used: Set(None),
            revoked_at: Set(None),
            is_proven: Set(Some(is_proven)),
        })
    }
}

/// Whether whoever makes a token has proven a second factor; who is on the Unix socket needs none.
fn is_proven(maker: &Principal) -> bool {
    users::is_local(maker) || maker.proof.second_factor == SecondFactor::Proven
}

impl TokenView {
    fn draft(id: TokenId, owner: UserId, new: &NewToken, created_at: &i64, expires_at: &i64) -> Self {
        Self {
            id,
            owner,
            name: new.name.clone(),
            permissions: new
                .permissions
                .map(|set| set.iter().map(|one| one.name().to_owned()).collect()),
            networks: new.networks.iter().map(ToString::to_string).collect(),
            may_be_sensitive: new.allow_sensitive,
            created_at: stamp::at(*created_at),
            expires_at: stamp::at(*expires_at),
            last_used: None::<OffsetDateTime>,
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(error.to_string()))
}
