//! What authenticators say of passkeys (WebAuthn level 3), read strictly and checked.
//!
//! [`Ceremony::register`] takes what a browser brings of a new key, [`Ceremony::assert`] what it brings to prove that it
//! has one. Both hold it against one challenge, one origin and one host name. Attestation is not asked for; what comes of it
//! all the same is read past and believed in nothing.
//!
//! Nobody is known here: whose a key is, and that a challenge is taken once, are for whoever asks.

mod authenticator;
mod cbor;
mod client;
mod cose;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;

use aws_lc_rs::digest::{SHA256, digest};

use authenticator::AuthenticatorData;
use client::ClientData;
pub use cose::PublicKey;

/// Longest text of the browser's that is read, in bytes. Real ones have a few hundred.
const LONGEST_CLIENT_DATA: usize = 4 << 10;
/// Longest statement of an authenticator that is read, in bytes: one with a chain of certificates has some thousand.
const LONGEST_STATEMENT: usize = 32 << 10;

/// Why what was brought is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// It is not in the form that the standard gives it.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// It is well formed, and for something else.
    #[error("{0}")]
    Untrue(&'static str),
    /// The authenticator did not make sure who sits before it.
    #[error("the authenticator did not verify its person")]
    Unverified,
    /// The key is of a kind that is not taken here.
    #[error("the key is of a kind that is not taken")]
    Algorithm,
    /// The signature is not by this key.
    #[error("the signature is wrong")]
    Signature,
}

/// What every answer must belong to.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'a> {
    /// The challenge, as the browser was given it: base64url without padding.
    pub challenge: &'a str,
    /// Where the page was: `https://panel.example.org:7443`.
    pub origin: &'a str,
    /// The host name for which keys are made.
    pub rp_id: &'a str,
    /// Whether the authenticator must have made sure of its person, by a code or a finger.
    pub needs_verification: bool,
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// What the authenticator calls it.
    pub id: Vec<u8>,
    /// The key, in the form of COSE: see [`PublicKey::read`].
    pub public_key: Vec<u8>,
    /// How often it was used, if its authenticator counts that; else 0.
    pub counter: u32,
    /// Whether its authenticator made sure of its person.
    pub is_verified: bool,
    /// Whether copies of it may be made: it then lives in a keychain, not in one device.
    pub may_be_copied: bool,
}

/// A key was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asserted {
    /// How often it was used, if its authenticator counts that; else 0.
    pub counter: u32,
    /// Whether its authenticator made sure of its person.
    pub is_verified: bool,
    /// Whether copies of it may be made.
    pub may_be_copied: bool,
}

/// What a browser brings to prove a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assertion {
    /// What the browser says it was asked (JSON).
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// Its signature over both.
    pub signature: Vec<u8>,
}

impl Ceremony<'_> {
    /// The key in what a browser brings of `navigator.credentials.create` (7.1).
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn register(&self, client_data: &[u8], attestation: &[u8]) -> Result<Registered, PasskeyError> {
        self.check_client(client_data, "webauthn.create")?;
        if attestation.len() > LONGEST_STATEMENT {
            return Err(PasskeyError::Unreadable("the attestation"));
        }
        let bytes = authenticator::of_attestation(attestation)?;
        let said = self.check_authenticator(&bytes)?;
        let made = said.credential.ok_or(PasskeyError::Untrue(
            "there is no key in what the authenticator says",
        ))?;
        PublicKey::read(&made.public_key)?;
        Ok(Registered {
            id: made.id,
            public_key: made.public_key,
            counter: said.counter,
            is_verified: said.is_verified,
            may_be_copied: said.may_be_copied,
        })
    }

    /// Whether this key made what a browser brings of `navigator.credentials.get` (7.2).
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn assert(&self, key: &PublicKey, brought: &Assertion) -> Result<Asserted, PasskeyError> {
        self.check_client(&brought.client_data, "webauthn.get")?;
        let said = self.check_authenticator(&brought.authenticator_data)?;
        if said.credential.is_some() {
            return Err(PasskeyError::Untrue("a key is brought where one is to be proven"));
        }
        let hash = digest(&SHA256, &brought.client_data);
        let signed = [brought.authenticator_data.as_slice(), hash.as_ref()].concat();
        match key.made(&signed, &brought.signature) {
            true => Ok(Asserted {
                counter: said.counter,
                is_verified: said.is_verified,
                may_be_copied: said.may_be_copied,
            }),
            false => Err(PasskeyError::Signature),
        }
    }

    fn check_client(&self, bytes: &[u8], kind: &str) -> Result<(), PasskeyError> {
        let said = ClientData::read(bytes)?;
        holds(said.kind == kind, "the browser was asked for something else")?;
        holds(
            said.challenge == self.challenge,
            "the answer is to another challenge",
        )?;
        holds(said.origin == self.origin, "the answer was given on another page")?;
        holds(said.is_of_the_page_itself(), "the page was inside another one")
    }

    fn check_authenticator(&self, bytes: &[u8]) -> Result<AuthenticatorData, PasskeyError> {
        let said = AuthenticatorData::read(bytes)?;
        let wanted = digest(&SHA256, self.rp_id.as_bytes());
        holds(said.rp_id_hash == wanted.as_ref(), "the key is for another host")?;
        holds(said.is_present, "nobody was there")?;
        holds(
            said.may_be_copied || !said.is_copied,
            "a key that cannot be copied was copied",
        )?;
        match said.is_verified || !self.needs_verification {
            true => Ok(said),
            false => Err(PasskeyError::Unverified),
        }
    }
}

fn holds(is_so: bool, fault: &'static str) -> Result<(), PasskeyError> {
    match is_so {
        true => Ok(()),
        false => Err(PasskeyError::Untrue(fault)),
    }
}
