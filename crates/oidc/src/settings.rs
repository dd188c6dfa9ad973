//! What is known of a provider before it is asked anything.

use watchroom_kit::SecretString;

/// How a token may be signed. Nothing symmetric, and never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with PKCS #1 padding and SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name (RFC 7518, RFC 8037).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenID Connect, with discovery.
    OpenId,
    /// GitHub's OAuth2, which has neither discovery nor signed tokens.
    GitHub,
}

/// One provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name here.
    pub name: String,
    /// What it speaks.
    pub kind: Kind,
    /// What it calls itself: an address with https and without a slash at its end.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// By which it knows us; none where PKCE alone protects the code.
    pub client_secret: Option<SecretString>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How its tokens may be signed.
    pub algorithms: Vec<Algorithm>,
}
