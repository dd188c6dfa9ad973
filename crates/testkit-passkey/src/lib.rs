//! An authenticator and the browser around it, for tests: it makes passkeys and proves them, and lies where a test wants.
//!
//! It writes CBOR by hand, and knows nothing of the code that reads it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

/// Somebody was there.
pub const PRESENT: u8 = 1;
/// The authenticator made sure who.
pub const VERIFIED: u8 = 1 << 2;
/// The key may be copied.
pub const MAY_BE_COPIED: u8 = 1 << 3;
/// It was.
pub const COPIED: u8 = 1 << 4;

/// The kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on P-256, which almost all make.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA, which some machines make.
    Rs256,
}

#[derive(Debug)]
enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// One passkey and the device that has it.
#[derive(Debug)]
pub struct Authenticator {
    pair: Pair,
    /// What it calls its key.
    pub id: Vec<u8>,
    /// What it says of the one before it and of the key: see [`PRESENT`] and the others.
    pub flags: u8,
    /// How often the key was used; `None` where that is not counted.
    pub counter: Option<u32>,
    /// Whose key it is, by the word of the page that had it made.
    pub user_handle: Vec<u8>,
    /// More members of what the browser says, or others in the place of its own.
    pub says: Map<String, Value>,
}

/// What the page asked, as a browser sees it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The challenge, base64url.
    pub challenge: &'a str,
    /// The page's origin.
    pub origin: &'a str,
    /// The host name for which the key is.
    pub rp_id: &'a str,
}

/// What a browser brings of a key that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What the browser says.
    pub client_data: Vec<u8>,
    /// What the authenticator says, in an attestation object.
    pub attestation: Vec<u8>,
}

/// What a browser brings to prove a key.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What the key is called.
    pub id: Vec<u8>,
    /// What the browser says.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
    /// Whose key it is.
    pub user_handle: Vec<u8>,
}

impl Authenticator {
    /// One that makes sure of its person and counts.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let mut id = vec![0; 32];
        rand::fill(&mut id).unwrap();
        Self {
            pair: match kind {
                Kind::Es256 => Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
                Kind::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate().unwrap()),
                Kind::Rs256 => Pair::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            },
            id,
            flags: PRESENT | VERIFIED,
            counter: Some(1),
            user_handle: Vec::new(),
            says: Map::new(),
        }
    }

    /// Makes the key for a person.
    pub fn create(&mut self, asked: Asked<'_>, user_handle: &[u8]) -> Made {
        self.user_handle = user_handle.to_vec();
        let key = self.public_key();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let credential = [&[0; 16][..], &length, &self.id, &key].concat();
        let said = self.said(asked.rp_id, 1 << 6, &credential);
        let attestation = [
            &[0xa3][..],
            &text("fmt"),
            &text("none"),
            &text("attStmt"),
            &[0xa0],
            &text("authData"),
            &bytes(&said),
        ];
        Made {
            client_data: self.client_data("webauthn.create", asked),
            attestation: attestation.concat(),
        }
    }

    /// Proves the key. A device that counts has counted one more.
    pub fn prove(&mut self, asked: Asked<'_>) -> Proof {
        self.counter = self.counter.map(|counter| counter + 1);
        let client_data = self.client_data("webauthn.get", asked);
        let authenticator_data = self.said(asked.rp_id, 0, &[]);
        let hash = digest(&SHA256, &client_data);
        let signature = self.sign(&[&authenticator_data, hash.as_ref()].concat());
        Proof {
            id: self.id.clone(),
            client_data,
            authenticator_data,
            signature,
            user_handle: self.user_handle.clone(),
        }
    }

    /// The public key in the form of COSE.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap().split_at(32);
                // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                [
                    &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..],
                    &bytes(x),
                    &[0x22],
                    &bytes(y),
                ]
                .concat()
            }
            // {1: 1, 3: -8, -1: 6, -2: x}
            Pair::EdDsa(pair) => [
                &[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21][..],
                &bytes(pair.public_key().as_ref()),
            ]
            .concat(),
            Pair::Rs256(pair) => {
                // RSAPublicKey: a sequence of modulus and exponent, whose places are known for 2048 bits.
                let parts = pair.public_key().as_ref();
                let (n, e) = (parts.get(9..265).unwrap(), parts.get(267..).unwrap());
                // {1: 3, 3: -257, -1: n, -2: e}
                [
                    &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20][..],
                    &bytes(n),
                    &[0x21],
                    &bytes(e),
                ]
                .concat()
            }
        }
    }

    fn client_data(&self, kind: &str, asked: Asked<'_>) -> Vec<u8> {
        let usual = [
            ("type", kind),
            ("challenge", asked.challenge),
            ("origin", asked.origin),
        ];
        let mut said: Map<String, Value> = usual
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        said.insert("crossOrigin".to_owned(), false.into());
        said.extend(self.says.clone());
        Value::Object(said).to_string().into_bytes()
    }

    fn said(&self, rp_id: &str, more: u8, rest: &[u8]) -> Vec<u8> {
        let hash = digest(&SHA256, rp_id.as_bytes());
        let counter = self.counter.unwrap_or(0).to_be_bytes();
        [hash.as_ref(), &[self.flags | more], &counter, rest].concat()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }
}

/// Bytes as forms carry them.
#[must_use]
pub fn written(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn bytes(of: &[u8]) -> Vec<u8> {
    [head(0x40, of.len()), of.to_vec()].concat()
}

fn text(of: &str) -> Vec<u8> {
    [head(0x60, of.len()), of.as_bytes().to_vec()].concat()
}

fn head(major: u8, length: usize) -> Vec<u8> {
    match (length, u8::try_from(length)) {
        (0..=23, Ok(length)) => vec![major | length],
        (_, Ok(length)) => vec![major | 24, length],
        _ => {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            vec![major | 25, high, low]
        }
    }
}
