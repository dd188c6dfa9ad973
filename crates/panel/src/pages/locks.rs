//! `/access/locks`: what is out of use for a while.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{LockError, LockFilter, LockTarget, NewLock};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_model::{LockId, NodeName, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::most;
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::locks::{LockRow, LockTyped, LocksPage};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const PAGE: &str = "/access/locks";

/// What the form for a new lock sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LockForm {
    kind: String,
    target: String,
    for_s: String,
    reason: String,
    confirm: Option<String>,
    password: SecretString,
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    vec![
        Route::new(Method::GET, PAGE, act::ListLocks, RouteClass::Page, show),
        Route::new(Method::POST, PAGE, act::CreateLock, administration, make).free_text(&["reason"]),
        Route::new(
            Method::POST,
            "/access/locks/{id}/lift",
            act::LiftLock,
            administration,
            lift,
        ),
    ]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    page(&viewer, &panel, StatusCode::OK, &LockTyped::default()).await
}

async fn page(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    typed: &LockTyped,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Lock);
    viewer.caller.permit(act::ListLocks, &all)?;
    let principal = viewer.caller.principal();
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let found = panel
            .identity()
            .locks(principal, &LockFilter::default(), &most(cursor))
            .await?;
        rows.extend(found.items.into_iter().map(|lock| {
            let node = match lock.target {
                LockTarget::Node(id) => panel.fleet.node(id).map(|node| node.name().to_string()),
                _ => None,
            };
            LockRow::new(lock, node)
        }));
        match found.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let shell = viewer.shell(Section::People, EN.locks);
    let may = (viewer.may(act::CreateLock, &all), viewer.needs_proof());
    viewer.page_with(status, &LocksPage::new(shell, rows, typed, may))
}

/// What the form names, if there is such a thing.
fn target(panel: &Panel, kind: &str, name: &str) -> Option<LockTarget> {
    match kind {
        "user" => {
            let name: UserName = name.parse().ok()?;
            panel.identity().id_of(&name).map(LockTarget::User)
        }
        "node" => {
            let name: NodeName = name.parse().ok()?;
            panel
                .fleet
                .node_named(&name)
                .map(|node| LockTarget::Node(node.id()))
        }
        "token" => name.parse().ok().map(LockTarget::Token),
        "role" => Some(LockTarget::Role(name.to_owned())),
        "everything" => Some(LockTarget::Everything),
        _ => None,
    }
}

pub(super) async fn make(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<LockForm>,
) -> Result<Response, Problem> {
    let draft = panel.identity().draft_lock();
    viewer.admit(act::CreateLock, &draft)?;
    let mut typed = LockTyped {
        kind: form.kind,
        name: form.target.trim().to_owned(),
        for_s: form.for_s,
        reason: form.reason,
        faults: Faults::default(),
    };
    let Some(target) = target(&panel, &typed.kind, &typed.name) else {
        typed.faults = Faults::new(LockError::NoTarget.fields());
        return page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await;
    };
    let asked = (act::CreateLock, &draft);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await;
        }
    };
    let new = NewLock {
        target,
        // What is no number is refused as none at all.
        for_s: typed.for_s.parse().unwrap_or(0),
        reason: typed.reason.clone(),
        confirm: form.confirm.is_some(),
    };
    match panel.identity().make_lock(&permit, new).await {
        Ok(_) => proof.finish(answer::redirect_with(PAGE, &Flash::done(EN.lock_made))?),
        Err(LockError::Store(error)) => Err(error.into()),
        Err(error) => {
            let mut faults = error.fields();
            if faults.is_empty() {
                faults.push(FieldFault::new("target", "refused", sentence(&error.public())));
            }
            typed.faults = Faults::new(faults);
            let viewer = viewer.risen(proof.session(&viewer));
            let shown = page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await?;
            proof.finish(shown)
        }
    }
}

pub(super) async fn lift(
    State(panel): State<Panel>,
    Params(id): Params<LockId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let lock = viewer.caller.found(panel.identity().lock(id).await?)?;
    let (asked, sent) = ((act::LiftLock, &lock), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let lifted = panel.identity().lift_lock(&permit).await;
        Ok(Flash::told(lifted.map(|()| EN.lock_lifted)))
    })
    .await
}
