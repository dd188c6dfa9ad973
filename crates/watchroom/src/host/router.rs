//! One route table: router, classifier and access walk are made from it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use watchroom_api::Api;
use watchroom_kit::{Ambient, FaultKind};
use watchroom_panel::Panel;
use watchroom_shield::Shield;
use watchroom_web::{NotFound, Problem, RenderProblems, RouteTable};

use crate::config::Config;
use crate::failure::Failure;
use crate::wire::pages::{PanelPages, problem_page};

/// Routers without their state, and the classifier that knows all their routes.
pub(super) struct Tables {
    pub(super) api: Router<Api>,
    pub(super) panel: Router<Panel>,
    pub(super) classifier: RouteTable,
}

pub(super) fn tables() -> Result<Tables, Failure> {
    let mut classifier = RouteTable::default();
    let clash = |error: watchroom_web::RouteClash| Failure::new(FaultKind::Internal, error.to_string());
    let api = classifier.add(watchroom_api::routes()).map_err(clash)?;
    let panel = classifier.add(watchroom_panel::routes()).map_err(clash)?;
    Ok(Tables {
        api,
        panel,
        classifier,
    })
}

pub(super) fn shield(
    config: &Config,
    own_hosts: &[String],
    classifier: RouteTable,
    ambient: &Ambient,
) -> Shield {
    let mut names: Vec<_> = config.host.names.iter().map(ToString::to_string).collect();
    names.extend_from_slice(own_hosts);
    Shield::with_pages(
        config.shield.clone(),
        &names,
        Arc::new(classifier),
        Some(Arc::new(PanelPages)),
        ambient,
    )
}

pub(super) fn assemble(api: Router<Api>, panel: Router<Panel>, state: Api) -> Router {
    let pages = Panel {
        entrance: state.entrance.clone(),
        fleet: state.fleet.clone(),
        records: state.records.clone(),
    };
    Router::new()
        .merge(api.with_state(state))
        .merge(panel.with_state(pages))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(RenderProblems::new(problem_page()))
}

async fn nothing_here() -> Problem {
    NotFound.into()
}

async fn wrong_method(request: Request<Body>) -> Problem {
    watchroom_web::MethodNotAllowed {
        method: request.method().clone(),
    }
    .into()
}
