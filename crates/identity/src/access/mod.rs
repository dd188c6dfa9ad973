//! Programs that sign in by name and password, ours or a directory's: a session without a cookie, which we call the family
//! of its tokens.
//!
//! An access token says of which family it is and holds for minutes (RFC 7519); it opens only while the family is on the
//! roll, so whatever ends a session ends it at once and on every Host. A refresh token is good once: the next comes with
//! each access token. One that comes twice was perhaps copied, and nobody can tell who of the two is the owner, so the
//! family ends (RFC 9700, 4.14.2).

mod error;
mod grant;
mod keys;
mod refresh;
mod token;

pub use error::{GrantError, RefreshError};
pub use grant::{Granted, TokenSignIn};
pub(crate) use keys::{AccessKeys, read_key};
