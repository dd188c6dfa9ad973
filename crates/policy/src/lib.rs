//! May this principal do this to that: the catalogue of permissions and acts, built-in roles, the one
//! evaluator, and the permits that only it can make.
//!
//! Pure: no I/O, no async, no clock of its own. The panel, the API, streams, the command line and the
//! nodes' own gate all ask [`decide`]; a list asks [`reach`] and puts the answer into its query.
//! A [`Permit`] is the only key to a write: forgetting to check does not compile.

pub mod act;
mod catalogue;
mod decide;
mod giving;
mod grant;
mod principal;
mod resource;
mod role;

pub use act::{Act, ActSpec, Change, EventType, FreshProof, HouseAct, Needs};
pub use catalogue::{PERMISSIONS, Permission, PermissionError, PermissionSet, permission};
pub use decide::{Ask, Explanation, Held, Permit, Reason, Refusal, decide, explain, locked_in_words, reach};
pub use giving::{held_at, may_give};
pub use grant::{Grant, Reach, Scope, ScopeError};
pub use principal::{Given, Principal, Proof, STEP_UP_FRESH, SecondFactor, Trail, Who};
pub use resource::{Resource, ResourceKind, Target};
pub use role::{BUILT_IN, Role};
