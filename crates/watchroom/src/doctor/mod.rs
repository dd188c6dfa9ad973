//! A look over this installation against the hardening list: what is seen, how it is judged, what to do.
//!
//! What can be seen from the machine alone is in [`machine`], and is told too when no Host runs; what only a running
//! Host knows is in [`host`]. A check judges; it never changes anything.

mod ages;
mod certificate;
mod client_ca;
pub(crate) mod host;
mod keys;
pub(crate) mod machine;
mod mail;
pub(crate) mod named;
mod passkeys;
