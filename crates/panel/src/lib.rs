//! The web panel: server-rendered pages that work as plain HTML, a design system, and a little JavaScript.
//!
//! A page is a struct of `view` and a template; handlers in `pages` ask the services as the API does and
//! spend the same permits. Every change is a form: POST, then 303 to a page with a flash message; a form
//! with faults is shown again with what was typed. Assets are embedded. No inline script or style
//! anywhere: the strict Content-Security-Policy of the shield holds on every page.

mod answer;
mod assets;
mod certificate;
mod pages;
mod text;
mod view;
mod viewer;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use watchroom_defence::Defence;
use watchroom_fleet::Fleet;
use watchroom_identity::{Identity, Providers};
use watchroom_mail::Mail;
use watchroom_records::Records;
use watchroom_web::{Doctor, Entrance, Problem, Route, Ways};

pub use certificate::{CertificateText, Certificates, ServedCertificate};
pub use view::error::error_page;

/// What handlers work with. Cloning is cheap, as it happens for each request.
#[derive(Clone, Debug)]
pub struct Panel(Arc<PanelParts>);

/// The parts of a [`Panel`].
#[derive(Debug)]
pub struct PanelParts {
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
    /// Looks over this installation.
    pub doctor: Arc<dyn Doctor>,
    /// Knows what certificate browsers meet.
    pub certificates: Arc<dyn Certificates>,
    /// Opens the way by which the first administrator came.
    pub ways: Arc<dyn Ways>,
    /// Those who vouch for people elsewhere.
    pub providers: Arc<dyn Providers>,
}

impl FromRef<Panel> for Entrance {
    fn from_ref(panel: &Panel) -> Self {
        panel.entrance.clone()
    }
}

impl Deref for Panel {
    type Target = PanelParts;

    fn deref(&self) -> &PanelParts {
        &self.0
    }
}

impl Panel {
    /// A panel of these parts.
    #[must_use]
    pub fn new(parts: PanelParts) -> Self {
        Self(Arc::new(parts))
    }

    fn identity(&self) -> &Identity {
        &self.entrance.identity
    }
}

/// Every route of the panel.
#[must_use]
pub fn routes() -> Vec<Route<Panel>> {
    pages::routes()
}

/// A problem as a page, for [`watchroom_web::Dispatch`].
#[must_use]
pub fn problem_page(problem: &Problem) -> String {
    let request_id = problem.request_id.as_deref().unwrap_or_default();
    error_page(problem.status, request_id, "", &problem.detail, "")
}
