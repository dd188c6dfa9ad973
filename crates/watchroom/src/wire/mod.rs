//! The adapters: the only places that know two parts at once, each about forty lines.

pub(crate) mod admission;
pub(crate) mod authority;
pub(crate) mod certificate;
pub(crate) mod client_ca;
pub(crate) mod counters;
pub(crate) mod defence;
pub(crate) mod directory;
pub(crate) mod feed;
pub(crate) mod gateway;
pub(crate) mod link_events;
pub(crate) mod locks;
pub(crate) mod own_node;
pub(crate) mod pages;
pub(crate) mod providers;
pub(crate) mod refusals;
mod reports;
pub(crate) mod rotation;
pub(crate) mod tls;
pub(crate) mod vault;
