//! What the API and the panel share: who calls, problems, extractors, cookies, the route table and streams.
//!
//! A [`Caller`] is the value between identity and policy: it can be had only from a request that passed the
//! shield, and it is the only way to a permit. A [`Problem`] is how every refusal and failure leaves the
//! house; it is rendered as problem+json or as a page in one place, the [`Dispatch`].

mod caller;
mod checkup;
mod cookies;
mod csrf;
mod dispatch;
mod entrance;
mod extract;
mod feed;
mod form;
mod json;
mod listening;
mod openapi;
mod params;
mod paths;
mod problem;
mod route;
mod socket;
mod sse;
mod tickets;
mod unique;
mod ways;

pub use caller::{Caller, Credential};
pub use checkup::{Check, Doctor, Finding};
pub use cookies::{Cookie, DEVICE_COOKIE, PRE_SESSION_COOKIE, SESSION_COOKIE};
pub use dispatch::{Answering, Dispatch, Gate, ProblemPage};
pub use entrance::{Entrance, EntranceParts, RefusalLog};
pub use extract::{Body, BrowserReport, IdempotencyHeader, Query};
pub use feed::{Feed, FeedItem, News, TooManyListeners};
pub use form::{MaySignIn, PreSubmitted, StepSubmitted, Submitted};
pub use json::{Json, Written};
pub use openapi::document;
pub use params::Params;
pub use paths::RouteClash;
pub use problem::{Document, MethodNotAllowed, NotFound, Problem};
pub use route::{BoundRoute, Route, RouteTable};
pub use socket::{Admitted, MayHear, NoHandshake, SocketRequest, Topic};
pub use sse::EventStream;
pub use ways::{ClosedWay, Ways};
