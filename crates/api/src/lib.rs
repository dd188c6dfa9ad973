//! The REST API: one table of routes, one short handler each.
//!
//! A handler is a sentence: find, permit, do, show. Shapes come from the domains; refusals and failures
//! leave as problems. The OpenAPI document is made from the same table as the router.

mod audit;
mod auth;
mod bans;
mod cluster;
mod decisions;
mod decoys;
mod disclosure;
mod factors;
mod fail2ban;
mod grants;
mod groups;
mod health;
mod lockouts;
mod locks;
mod mail;
mod nodes;
mod openapi;
mod operations;
mod people;
mod programs;
mod roles;
mod security;
mod servers;
mod session;
mod stream;
mod tokens;
mod users;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use watchroom_defence::Defence;
use watchroom_fleet::Fleet;
use watchroom_identity::Identity;
use watchroom_kit::{Fault, FaultKind, FieldFault, Tasks};
use watchroom_mail::Mail;
use watchroom_model::{PageError, SecurityContact};
use watchroom_records::Records;
use watchroom_web::{Doctor, Entrance, Feed, Problem, Route};

pub use cluster::{CertificateFacts, HostFacts, RoleFacts};
pub use health::{Part, Vitals};
pub use openapi::document;

use self::openapi::Description;
pub use security::REPORTS;

/// What handlers work with. Cloning is cheap, as it happens for each request.
#[derive(Clone, Debug)]
pub struct Api(Arc<Served>);

#[derive(Debug)]
struct Served {
    parts: ApiParts,
    description: Description,
}

/// The parts of an [`Api`].
#[derive(Debug)]
pub struct ApiParts {
    /// How callers are recognised.
    pub entrance: Entrance,
    /// Nodes and servers.
    pub fleet: Fleet,
    /// The audit log.
    pub records: Records,
    /// Who is kept out.
    pub defence: Defence,
    /// Letters to people.
    pub mail: Mail,
    /// What changes.
    pub feed: Feed,
    /// Where streams run.
    pub tasks: Tasks,
    /// Whether we live.
    pub vitals: Arc<dyn Vitals>,
    /// Looks over this installation.
    pub doctor: Arc<dyn Doctor>,
    /// Whom to tell of a weakness.
    pub security_contact: Option<SecurityContact>,
}

impl FromRef<Api> for Entrance {
    fn from_ref(api: &Api) -> Self {
        api.entrance.clone()
    }
}

impl Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.0.parts
    }
}

impl Api {
    /// An API of these parts.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(Served {
            parts,
            description: Description::default(),
        }))
    }

    fn description(&self) -> &Description {
        &self.0.description
    }

    fn identity(&self) -> &Identity {
        &self.entrance.identity
    }
}

/// A page that nobody can ask for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct InvalidPage(PageError);

impl Fault for InvalidPage {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
    fn slug(&self) -> &'static str {
        "invalid-input"
    }
    fn public(&self) -> String {
        self.0.to_string()
    }
    fn fields(&self) -> Vec<FieldFault> {
        let field = match self.0 {
            PageError::Limit => "limit",
            PageError::Cursor => "cursor",
        };
        vec![FieldFault::new(field, "invalid", self.0.to_string())]
    }
}

fn invalid_page(error: PageError) -> Problem {
    InvalidPage(error).into()
}

/// Every route of the API.
#[must_use]
pub fn routes() -> Vec<Route<Api>> {
    [
        health::routes(),
        openapi::routes(),
        auth::routes(),
        session::routes(),
        programs::routes(),
        nodes::routes(),
        operations::routes(),
        servers::routes(),
        cluster::routes(),
        users::routes(),
        people::routes(),
        tokens::routes(),
        factors::routes(),
        audit::routes(),
        bans::routes(),
        fail2ban::routes(),
        lockouts::routes(),
        locks::routes(),
        roles::routes(),
        decisions::routes(),
        grants::routes(),
        groups::routes(),
        mail::routes(),
        decoys::routes(),
        disclosure::routes(),
        security::routes(),
        stream::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
