//! Public keys as authenticators give them (COSE, RFC 9052 and 9053): ES256, EdDSA with Ed25519, RS256. The algorithm belongs
//! to the key, so no answer can choose another one.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::PasskeyError;
use crate::cbor::{self, Value};

/// Longest modulus, in bytes: 4096 bits. Longer ones cost more time to check than they are worth.
const LONGEST_MODULUS: usize = 512;
/// Shortest one: 2048 bits.
const SHORTEST_MODULUS: usize = 256;

/// A public key.
#[derive(Debug)]
pub struct PublicKey(Kind);

#[derive(Debug)]
enum Kind {
    /// ECDSA on P-256, or Ed25519.
    Curve(ParsedPublicKey),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`PasskeyError::Unreadable`] if it is none, [`PasskeyError::Algorithm`] if it is of another kind than the three.
    pub fn read(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let key = cbor::whole(bytes).ok_or(UNREADABLE)?;
        let number = |at| key.numbered(at).and_then(Value::int);
        // Key type, algorithm and, where there is one, curve.
        match (number(1), number(3), number(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                let (x, y) = (exactly::<32>(&key, -2)?, exactly::<32>(&key, -3)?);
                let point = [&[4][..], &x, &y].concat();
                let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point);
                parsed.map(|key| Self(Kind::Curve(key))).map_err(|_| UNREADABLE)
            }
            (Some(1), Some(-8), Some(6)) => {
                let parsed = ParsedPublicKey::new(&ED25519, exactly::<32>(&key, -2)?);
                parsed.map(|key| Self(Kind::Curve(key))).map_err(|_| UNREADABLE)
            }
            (Some(3), Some(-257), None) => Self::rsa(&key),
            _ => Err(PasskeyError::Algorithm),
        }
    }

    fn rsa(key: &Value) -> Result<Self, PasskeyError> {
        let part = |at| key.numbered(at).and_then(Value::bytes).ok_or(UNREADABLE);
        let (n, e) = (part(-1)?.to_vec(), part(-2)?.to_vec());
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last % 2 == 1);
        let is_fine = (SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&n.len())
            && n.first().is_some_and(|first| *first != 0)
            && is_odd(&n)
            // 65537, which all authenticators use; others only cost time.
            && e == [1, 0, 1];
        match is_fine {
            true => Ok(Self(Kind::Rsa(RsaPublicKeyComponents { n, e }))),
            false => Err(UNREADABLE),
        }
    }

    /// Whether this key made that signature.
    pub(crate) fn made(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::Curve(key) => key.verify_sig(signed, signature).is_ok(),
            Kind::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
        }
    }
}

const UNREADABLE: PasskeyError = PasskeyError::Unreadable("the key");

fn exactly<const N: usize>(key: &Value, at: i64) -> Result<[u8; N], PasskeyError> {
    let bytes = key.numbered(at).and_then(Value::bytes).ok_or(UNREADABLE)?;
    bytes.try_into().map_err(|_| UNREADABLE)
}
