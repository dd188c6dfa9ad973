//! Who is kept out, as a Host tells its nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The capability of a node that wants to be told.
pub const HEARS_BANS: &str = "bans";

/// From what a network is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarredFrom {
    /// Signing in, and whatever needs no sign-in.
    SignIn,
    /// Everything.
    Everything,
}

/// What a ban is known by: two of one network and kind are one, and last as long as the longer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BarredNetwork {
    /// The network, in CIDR notation.
    pub network: String,
    /// From what it is kept.
    pub from: BarredFrom,
}

/// All that are kept out, each until when, in microseconds since the Unix epoch; `i64::MAX` without an end.
pub type BarredList = BTreeMap<BarredNetwork, i64>;

/// One that is kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Which network, and from what.
    #[serde(flatten)]
    pub barred: BarredNetwork,
    /// Until when, as in [`BarredList`].
    pub until_us: i64,
}

/// What a Host tells a node of its bans: the whole list in one or more pieces, or what has changed since.
///
/// Each message of one Host has a higher version than the one before, and says which it follows, so that the node
/// notices what it has missed; it then asks for the whole list by answering with the version that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanNews {
    /// Which process of the Host speaks.
    pub host: Uuid,
    /// The number of this message among all of that process.
    pub version: u64,
    /// The message that it goes on from; absent if a whole list begins.
    pub follows: Option<u64>,
    /// Who is kept out from now on, or for another time.
    pub barred: Vec<Bar>,
    /// Who no longer is.
    pub lifted: Vec<BarredNetwork>,
    /// The last piece of a whole list: who is not in it is kept out no more.
    pub ends_list: bool,
}
