//! Passkeys (WebAuthn): as a second factor, as a fresh proof, and for signing in with nothing else.
//!
//! What a browser brings is checked in `watchroom-passkey`. Here is whose a key is, that each challenge is taken once, by the
//! browser that it was made for, and that a row of the database is believed only if this cluster wrote it as it stands.

mod challenge;
mod enter;
mod offer;
mod prove;
mod site;

use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use subtle::ConstantTimeEq;
use watchroom_model::{FactorId, UserId};

pub(crate) use challenge::{SpentChallenge, is_spent};
pub use enter::{PasskeySignIn, PasskeySignInError};
pub use offer::{PasskeyCreation, RegisterPasskey};
pub(crate) use prove::Presented;
pub use prove::{PasskeyAnswer, PasskeyRequest};
pub use site::{NoSite, Site};

use crate::entity::passkey;
use crate::signed::Signatures;

/// The word by which sessions and the audit log know this factor.
pub(crate) const PASSKEY: &str = "passkey";
/// Most passkeys a person has.
pub(crate) const MOST_PASSKEYS: usize = 10;

/// A passkey of a person, as the rest of the crate reads it.
#[derive(Clone, Debug)]
pub(crate) struct Passkey {
    pub(crate) id: FactorId,
    pub(crate) name: String,
    pub(crate) rp_id: String,
    /// What its authenticator calls it, base64url.
    pub(crate) credential_id: Arc<str>,
    /// In the form of COSE, base64url.
    pub(crate) public_key: Arc<str>,
    pub(crate) binding: Arc<str>,
    pub(crate) may_be_copied: bool,
    pub(crate) created_at: i64,
    pub(crate) last_used: Option<i64>,
}

impl Passkey {
    /// Whether this cluster wrote the row as it stands: whoever can write into the database alone gives nobody a key.
    fn is_bound(&self, user: UserId, signatures: &Signatures) -> bool {
        let wanted = binding(
            signatures,
            &self.id.to_string(),
            user,
            [&self.rp_id, &self.credential_id, &self.public_key],
        );
        wanted.as_bytes().ct_eq(self.binding.as_bytes()).into()
    }
}

/// What says under other signatures that the parts of a row belong together; none where it was not bound before.
pub(crate) fn bound_anew(row: &passkey::Model, before: &Signatures, after: &Signatures) -> Option<String> {
    let user = row.user_id.parse().ok()?;
    let bound = |signatures| {
        let parts = [&row.rp_id, &row.credential_id, &row.public_key];
        binding(signatures, &row.id, user, parts.map(String::as_str))
    };
    let is_bound: bool = bound(before).as_bytes().ct_eq(row.binding.as_bytes()).into();
    is_bound.then(|| bound(after))
}

/// What says that a key, what it is called and a person belong together. None of the parts has a space in it.
fn binding(
    signatures: &Signatures,
    id: &str,
    user: UserId,
    [rp_id, credential_id, public_key]: [&str; 3],
) -> String {
    let row = format!("{id} {user} {rp_id} {credential_id} {public_key}");
    HEXLOWER.encode(&signatures.derive("a row of passkeys", &row))
}

/// Bytes as forms carry them; nothing where they are none, which no check then takes.
fn bytes(text: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default()
}

/// Whose key it is, as an authenticator keeps it.
fn handle(user: UserId) -> [u8; 16] {
    *user.as_uuid().as_bytes()
}
