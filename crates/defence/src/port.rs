//! What defence needs of others: an edge that keeps people out, and somebody who knows whom a ban must not hit.

use std::fmt;

use ipnet::IpNet;

use crate::BanKind;

/// One ban in force, as the edge needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barred {
    /// The network that is kept out.
    pub network: IpNet,
    /// From what.
    pub kind: BanKind,
    /// Until when, in microseconds since the Unix epoch; `i64::MAX` without an end.
    pub until: i64,
}

/// Keeps people out.
pub trait Edge: Send + Sync + 'static {
    /// From now on these are banned and nobody else. Must not block.
    fn bar(&self, bans: &[Barred]);
}

/// Somebody of one's own whom a ban would hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bystander {
    /// This machine, by loopback or one of its addresses.
    ThisMachine,
    /// A proxy that others come through.
    TrustedProxy,
    /// A node, by the address of its link.
    Node(String),
    /// An administrator who is signed in.
    Administrator(String),
    /// Whoever makes the ban.
    Oneself,
}

/// In words that follow "it would hit".
impl fmt::Display for Bystander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisMachine => f.write_str("this machine"),
            Self::TrustedProxy => f.write_str("a trusted proxy, and everybody behind it"),
            Self::Node(name) => write!(f, "the node {name}"),
            Self::Administrator(name) => write!(f, "the administrator {name}, who is signed in from there"),
            Self::Oneself => f.write_str("the address that you come from"),
        }
    }
}

/// The words as the audit chain has them, which names nobody.
pub(crate) fn nameless(words: Option<&str>) -> Option<&str> {
    words.map(|words| match words.starts_with("the administrator ") {
        true => "an administrator, who is signed in from there",
        false => words,
    })
}

/// Knows whom a ban must not hit unasked.
pub trait Bystanders: Send + Sync + 'static {
    /// The first of one's own inside the network. Loopback and whoever asks are looked at before.
    fn hit(&self, network: &IpNet) -> Option<Bystander>;
}
