//! What the authenticator says (WebAuthn, 6.1 and 6.5): for whom, whether somebody was there, and a key where one was made.

use crate::PasskeyError;
use crate::cbor::{self, Value};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const MAY_BE_COPIED: u8 = 1 << 3;
const COPIED: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// Longest name of a key that the standard lets authenticators give, in bytes.
const LONGEST_ID: usize = 1_023;
/// Shortest one that nobody guesses.
const SHORTEST_ID: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatorData {
    pub(crate) rp_id_hash: [u8; 32],
    pub(crate) is_present: bool,
    pub(crate) is_verified: bool,
    pub(crate) may_be_copied: bool,
    pub(crate) is_copied: bool,
    pub(crate) counter: u32,
    pub(crate) credential: Option<Credential>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) id: Vec<u8>,
    /// As it stands there, to the byte.
    pub(crate) public_key: Vec<u8>,
}

const UNREADABLE: PasskeyError = PasskeyError::Unreadable("what the authenticator says");

impl AuthenticatorData {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > crate::LONGEST_STATEMENT {
            return Err(UNREADABLE);
        }
        Self::parts(bytes).ok_or(UNREADABLE)
    }

    fn parts(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let is = |flag| flags & flag != 0;
        let mut credential = None;
        if is(HAS_CREDENTIAL) {
            let (found, after) = Credential::parts(rest)?;
            credential = Some(found);
            rest = after;
        }
        if is(HAS_EXTENSIONS) {
            let (extensions, after) = cbor::first(rest)?;
            if !matches!(extensions, Value::Map(_)) {
                return None;
            }
            rest = after;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash: *rp_id_hash,
            is_present: is(PRESENT),
            is_verified: is(VERIFIED),
            may_be_copied: is(MAY_BE_COPIED),
            is_copied: is(COPIED),
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }
}

impl Credential {
    fn parts(bytes: &[u8]) -> Option<(Self, &[u8])> {
        // What kind of device it is (16 bytes), nobody vouches for.
        let rest = bytes.get(16..)?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !(SHORTEST_ID..=LONGEST_ID).contains(&length) {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let (_, after) = cbor::first(rest)?;
        let public_key = rest.get(..rest.len() - after.len())?;
        let credential = Self {
            id: id.to_vec(),
            public_key: public_key.to_vec(),
        };
        Some((credential, after))
    }
}

/// What the authenticator says, out of an attestation object; who vouches for it is read past.
pub(crate) fn of_attestation(bytes: &[u8]) -> Result<Vec<u8>, PasskeyError> {
    let unreadable = PasskeyError::Unreadable("the attestation");
    let whole = cbor::whole(bytes).ok_or(unreadable)?;
    let is_one = matches!(whole.named("fmt"), Some(Value::Text(_)))
        && matches!(whole.named("attStmt"), Some(Value::Map(_)));
    let said = whole.named("authData").and_then(Value::bytes);
    said.filter(|_| is_one).map(<[u8]>::to_vec).ok_or(unreadable)
}
