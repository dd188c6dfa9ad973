//! What the API and the panel share: who calls, problems, extractors, cookies, the route table and streams.
//!
//! A [`Caller`] is the value between identity and policy: it can be had only from a request that passed the
//! shield, and it is the only way to a permit. A [`Problem`] is how every refusal and failure leaves the
//! house; it is rendered as problem+json or as a page in one place.

mod caller;
mod cookies;
mod csrf;
mod entrance;
mod extract;
mod feed;
mod form;
mod openapi;
mod problem;
mod render;
mod route;
mod sse;

pub use caller::{Caller, Credential};
pub use cookies::{Cookie, PRE_SESSION_COOKIE, SESSION_COOKIE};
pub use entrance::{Entrance, RefusalLog};
pub use extract::{Body, IdempotencyHeader, Params, Query};
pub use feed::{Feed, FeedItem, TooManyListeners};
pub use form::{PreSubmitted, Submitted};
pub use openapi::document;
pub use problem::{Document, MethodNotAllowed, NotFound, Problem};
pub use render::{RenderProblem, RenderProblems};
pub use route::{Route, RouteClash, RouteTable};
pub use sse::EventStream;
