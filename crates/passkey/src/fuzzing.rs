//! The inner parsers, for fuzzers and the tests of this crate: no other build has them.

use crate::authenticator::{AuthenticatorData, of_attestation};
use crate::{Assertion, Ceremony, PublicKey, cbor, client::ClientData};

/// Any bytes as each part that a browser brings. None of them may make a key that proves itself by chance.
pub fn read(bytes: &[u8]) {
    if let Some((_, rest)) = cbor::first(bytes) {
        assert!(rest.len() < bytes.len(), "a value takes at least a byte");
    }
    drop(ClientData::read(bytes));
    drop(AuthenticatorData::read(bytes));
    if let Ok(said) = of_attestation(bytes) {
        drop(AuthenticatorData::read(&said));
    }
    let ceremony = Ceremony {
        challenge: "challenge",
        origin: "https://panel.example.org",
        rp_id: "panel.example.org",
        needs_verification: false,
    };
    drop(ceremony.register(bytes, bytes));
    if let Ok(key) = PublicKey::read(bytes) {
        let brought = Assertion {
            client_data: bytes.to_vec(),
            authenticator_data: bytes.to_vec(),
            signature: bytes.to_vec(),
        };
        assert!(ceremony.assert(&key, &brought).is_err(), "no key signs itself");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::read(&bytes);
        }
    }
}
