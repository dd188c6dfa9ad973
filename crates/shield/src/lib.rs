//! The edge of the Host: the accept loop and one flat pass of ordered checks.
//!
//! Everything here happens before anybody knows who is asking, and nothing here knows the product: any
//! [`Application`] (an axum router, say) can be served through [`serve`] or wrapped in a [`ShieldLayer`]. A request becomes a
//! [`Passed`] or a [`Refused`]; every answer, refusals and crashes included, leaves through
//! [`Shield::finish`] with the same headers. Who is asking and what they may do is decided behind it.

mod address;
mod answer;
mod application;
mod bans;
mod body;
mod certificates;
mod class;
mod client;
mod config;
mod connections;
mod cors;
mod events;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod greetings;
mod headers;
mod heads;
mod hosts;
mod inspection;
mod known;
mod layer;
mod limits;
mod networks;
mod origin;
mod pass;
mod peer;
mod proxy;
mod refusal;
mod reports;
mod rules;
mod serve;
mod shield;
mod upgrade;

pub use address::{Network, NetworkError};
pub use application::Application;
pub use axum::body::Body;
pub use bans::{Ban, BanBook, BanKind};
pub use body::BodyError;
pub use certificates::{JudgeCertificates, Lacks};
pub use class::{Classify, RouteClass, RouteRule};
pub use config::{BaseUri, Config, Hsts, LimitsConfig};
pub use cors::{CorsConfig, Origin, OriginError};
pub use events::{RefusedEvent, ShieldEvent};
pub use headers::SECURITY_HEADERS;
pub use hosts::Host;
pub use inspection::{
    AttackClass, AttackRule, BodyForm, Inspected, InspectionConfig, Objection, Spotted, SpottedEvent,
};
pub use known::{Known, RouteLimit};
pub use layer::{ShieldLayer, Shielded};
#[cfg(feature = "redis")]
pub use limits::redis::{RedisCounters, RedisError, RedisServer};
pub use limits::{Charge, LimitKey, Limits, SharedCounters, Verdict, Window};
pub use networks::AllowedNetworks;
pub use origin::is_same_origin;
pub use pass::{Finding, Passed, Told};
pub use peer::{LocalPeer, Peer, ShownCertificates};
pub use refusal::{Pages, Refused, Why};
pub use reports::{ReportError, ReportForm, Reported, Violation};
pub use serve::{
    Choice, ChooseTls, HandOff, serve, serve_local, serve_loopback, serve_plain, serve_redirects,
};
pub use shield::Shield;
pub use upgrade::{MayUpgrade, Upgraded};
