//! Recognising a token on a request: by memory, then where and until when it holds. Form and checksum only tell
//! why one is unknown.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ipnet::IpNet;
use watchroom_kit::{Fault, FaultKind};
use watchroom_model::{TokenId, UserId};
use watchroom_policy::Principal;
use watchroom_store::Upkeep;

use super::text;
use crate::Identity;
use crate::digest::Digest;
use crate::entity::token;

/// How often, in microseconds, the database is told that a token is in use.
const SAVE_EVERY: i64 = 60_000_000;

/// A token on the roll.
#[derive(Debug)]
pub(crate) struct Bearer {
    pub(crate) id: TokenId,
    pub(crate) owner: UserId,
    networks: Vec<IpNet>,
    owner_is_active: bool,
    expires_at: i64,
    principal: Arc<Principal>,
    saved: AtomicI64,
}

impl Bearer {
    pub(crate) fn new(
        row: &token::Model,
        id: TokenId,
        owner: UserId,
        networks: Vec<IpNet>,
        owner_is_active: bool,
        principal: Arc<Principal>,
    ) -> Self {
        let saved = AtomicI64::new(row.last_used.unwrap_or(i64::MIN));
        Self {
            id,
            owner,
            networks,
            owner_is_active,
            expires_at: row.expires_at,
            principal,
            saved,
        }
    }

    pub(crate) fn carry_over(&self, before: &Self) {
        self.saved
            .fetch_max(before.saved.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn holds_from(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&client))
    }
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is not a token of ours: its form or checksum is wrong.
    #[error("the text is no token")]
    Malformed,
    /// There is none such, it was revoked, or its owner is disabled.
    #[error("the token is unknown, revoked or its owner is disabled")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It does not hold from this address.
    #[error("the token does not hold from this network")]
    Network,
}

impl Fault for TokenFault {
    fn kind(&self) -> FaultKind {
        FaultKind::Unauthenticated
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Unknown => "token-invalid",
            Self::Expired => "token-expired",
            Self::Network => "token-network",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Malformed => "this is not a token; check that it was copied whole".to_owned(),
            Self::Unknown => "the token is not valid; make a new one".to_owned(),
            Self::Expired => "the token has expired; make a new one".to_owned(),
            Self::Network => {
                "the token is not valid from your network; use it from one it was made for".to_owned()
            }
        }
    }
}

impl Identity {
    /// Whoever acts through the token, from the client's address. Neither waits nor asks the database.
    ///
    /// # Errors
    /// [`TokenFault`]: whoever holds the secret may learn why it does not open.
    pub fn bearer(&self, token: &str, client: IpAddr) -> Result<Arc<Principal>, TokenFault> {
        // Whatever is on the roll was well formed when it was made.
        let Some(bearer) = self.inner.roll.token(Digest::of(token)) else {
            return Err(if text::is_well_formed(token) {
                TokenFault::Unknown
            } else {
                TokenFault::Malformed
            });
        };
        self.admitted(&bearer, client)
    }

    /// The same for a token that was shown before: streams that began with it ask, and end when it no longer opens.
    ///
    /// # Errors
    /// [`TokenFault`].
    pub fn bearer_again(&self, id: TokenId, client: IpAddr) -> Result<Arc<Principal>, TokenFault> {
        let bearer = self.inner.roll.token_by_id(id).ok_or(TokenFault::Unknown)?;
        self.admitted(&bearer, client)
    }

    fn admitted(&self, bearer: &Bearer, client: IpAddr) -> Result<Arc<Principal>, TokenFault> {
        let now = self.inner.ambient.clock.now_micros();
        if !bearer.owner_is_active {
            return Err(TokenFault::Unknown);
        }
        if now >= bearer.expires_at {
            return Err(TokenFault::Expired);
        }
        if !bearer.holds_from(client) {
            return Err(TokenFault::Network);
        }
        let saved = bearer.saved.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(saved) >= SAVE_EVERY;
        // Of several requests at once only one saves.
        if is_due
            && bearer
                .saved
                .compare_exchange(saved, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.inner.store.upkeep(Upkeep::TokenUsed(bearer.id, now));
        }
        Ok(Arc::clone(&bearer.principal))
    }
}
