//! Sign-in at other people's providers: OpenID Connect (Core 1.0), and OAuth2 where a provider speaks only that.
//!
//! [`Provider::begin`] says where a browser is sent, [`Provider::finish`] what the provider says of whoever came back.
//! Code with PKCE (RFC 7636) alone; `state` and `nonce` are the caller's, who binds them to the browser and takes them
//! once. Checked here: the sender (RFC 9207), the token's signature by an algorithm of ours and a key of the
//! provider's, its issuer, audience, time and nonce. TLS always; no redirect of a provider is followed, its answers are
//! bounded in length and time, and so is how many wait for it: one that hangs slows nobody else.
//!
//! Accounts are not known here; what becomes of whoever is proven is in `watchroom-identity`.

mod error;
mod fetch;
mod github;
mod known;
mod metadata;
mod provider;
mod roots;
mod settings;
mod token;

pub use error::OidcError;
pub use known::Known;
pub use provider::{CameBack, Journey, Provider};
pub use roots::{Roots, RootsError};
pub use settings::{Algorithm, Kind, Settings};
