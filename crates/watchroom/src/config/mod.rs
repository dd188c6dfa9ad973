//! The configuration: one tree of sections, read from files, secret files, environment and flags.
//!
//! Later sources win over earlier ones: defaults, the file, drop-ins (by name), secret files and systemd
//! credentials, environment, flags. A value replaces the whole value before it, lists and free-form tables
//! too. All problems are reported at once, each with the place it was found; what a section cannot
//! accept keeps its default meanwhile, so that one mistake does not hide the next.

mod environment;
mod error;
mod file;
mod host;
mod keys;
mod leaf;
mod load;
mod merge;
mod node;
#[cfg(feature = "host")]
mod secret_files;
mod security;
mod show;
mod suggest;
#[cfg(test)]
mod tests;
mod tls;
mod tree;

pub use error::{ConfigError, Located};
pub use host::HostSection;
pub use keys::KeysSection;
pub use leaf::Origin;
#[cfg(any(test, fuzzing))]
pub(crate) use load::lines_at_fault;
pub use load::{Loaded, Sources, USUAL_FILE};
pub use node::NodeSection;
pub use security::{Profile, SecuritySection};
pub use show::Shown;
pub use tls::TlsSection;
pub use tree::Config;
