//! `/access/roles/{name}`, `/access/new-role`: making a role, changing what one gives with a look ahead at who would gain or
//! lose what, and removing one.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{RoleError, RoleView};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::scope;
use super::step_up::{ProofForm, Proven, proven};
use crate::text::EN;
use crate::view::ahead::Ahead;
use crate::view::role::{May, RolePage, RoleTyped};
use crate::view::{Faults, Flash, Section};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const LIST: &str = "/access/roles";
const NEW: &str = "/access/new-role";
/// Before the name of a pattern that is ticked.
const MAY: &str = "may.";
/// The role that stays as it is.
const FIXED: &str = "admin";

/// What the form for a role sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RoleForm {
    name: String,
    per_minute: String,
    requires_second_factor: Option<String>,
    /// Of what the page showed who would gain or lose by it.
    looked_at: String,
    password: SecretString,
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl RoleForm {
    fn typed(&self) -> RoleTyped {
        let ticked = self.ticked.keys().filter_map(|key| key.strip_prefix(MAY));
        RoleTyped {
            name: self.name.trim().to_owned(),
            allow: ticked.map(str::to_owned).collect(),
            per_minute: self.per_minute.clone(),
            requires_second_factor: self.requires_second_factor.is_some(),
            faults: Faults::default(),
        }
    }
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let (page, administration) = (RouteClass::Page, RouteClass::Administration);
    let (one, gone) = ("/access/roles/{name}", "/access/roles/{name}/remove");
    let ahead = "/access/roles/{name}/look-ahead";
    vec![
        Route::new(Method::GET, NEW, act::CreateRole, page, new),
        Route::new(Method::POST, NEW, act::CreateRole, administration, create),
        Route::new(Method::GET, one, act::ListRoles, page, show),
        Route::new(Method::POST, one, act::ChangeRole, administration, change),
        Route::new(Method::POST, ahead, act::ListRoles, RouteClass::Read, look),
        Route::new(Method::POST, gone, act::RemoveRole, administration, remove),
    ]
}

/// What the page shows beside the role.
#[derive(Debug, Default)]
struct Shown {
    typed: RoleTyped,
    ahead: Option<Ahead>,
}

fn page(
    viewer: &Viewer,
    status: StatusCode,
    role: Option<RoleView>,
    shown: Shown,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Role);
    let may = match &role {
        None => May {
            change: viewer.may(act::CreateRole, &all),
            ..May::default()
        },
        Some(role) => {
            let (on, is_open) = (Resource::role(&role.name), role.name != FIXED);
            // One that is as it was built in has nothing to go back to.
            let can_go = is_open && (!role.is_built_in || role.changed_by.is_some());
            May {
                change: is_open && viewer.may(act::ChangeRole, &on),
                remove: can_go && viewer.may(act::RemoveRole, &on),
                ..May::default()
            }
        }
    };
    let may = May {
        needs_proof: viewer.needs_proof(),
        ..may
    };
    let title = role.as_ref().map_or(EN.role_new, |role| role.name.as_str());
    let shell = viewer.shell(Section::People, title);
    viewer.page_with(
        status,
        &RolePage::new(shell, role, &shown.typed, shown.ahead, may),
    )
}

/// The page again, with what is wrong.
fn again(
    viewer: &Viewer,
    role: Option<RoleView>,
    mut typed: RoleTyped,
    faults: Vec<FieldFault>,
) -> Result<Response, Problem> {
    typed.faults = Faults::new(faults);
    let ahead = None;
    page(viewer, StatusCode::BAD_REQUEST, role, Shown { typed, ahead })
}

/// What a form can say of why it was refused.
fn faults_of(error: &RoleError) -> Vec<FieldFault> {
    match error.fields() {
        fields if fields.is_empty() => vec![FieldFault::new("role", "refused", error.public())],
        fields => fields,
    }
}

pub(super) async fn new(viewer: Viewer) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Role);
    viewer.admit(act::CreateRole, &all)?;
    let (typed, ahead) = (RoleTyped::empty(), None);
    page(&viewer, StatusCode::OK, None, Shown { typed, ahead })
}

pub(super) async fn show(
    viewer: Viewer,
    State(panel): State<Panel>,
    Params(name): Params<String>,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    let role = viewer.caller.found(panel.identity().role_view(&name))?;
    let (typed, ahead) = (RoleTyped::from(&role), None);
    page(&viewer, StatusCode::OK, Some(role), Shown { typed, ahead })
}

/// After a change was tried: the list with a word on it, or the form with what is wrong.
fn finish(
    viewer: &Viewer,
    proof: &Proven,
    (role, typed): (Option<RoleView>, RoleTyped),
    done: Result<String, RoleError>,
) -> Result<Response, Problem> {
    match done {
        Ok(words) => proof.finish(answer::redirect_with(LIST, &Flash::done(words))?),
        Err(RoleError::Store(error)) => Err(error.into()),
        Err(error) => {
            let viewer = viewer.risen(proof.session(viewer));
            let shown = again(&viewer, role, typed, faults_of(&error))?;
            proof.finish(shown)
        }
    }
}

pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<RoleForm>,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Role);
    let typed = form.typed();
    let asked = (act::CreateRole, &all);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return again(&viewer, None, typed, vec![fault]),
    };
    let done = panel
        .identity()
        .create_role(&permit, &typed.name, typed.draft())
        .await;
    finish(
        &viewer,
        &proof,
        (None, typed),
        done.map(|role| EN.role_made(role.name)),
    )
}

pub(super) async fn change(
    State(panel): State<Panel>,
    Params(name): Params<String>,
    Form { viewer, form }: Form<RoleForm>,
) -> Result<Response, Problem> {
    let role = viewer.caller.found(panel.identity().role_view(&name))?;
    let on = Resource::role(&name);
    viewer.admit(act::ChangeRole, &on)?;
    let typed = form.typed();
    // What is saved is what its effect was shown of.
    if form.looked_at != typed.looked_at() {
        return look_ahead(&viewer, &panel, role, typed);
    }
    let asked = (act::ChangeRole, &on);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return again(&viewer, Some(role), typed, vec![fault]),
    };
    let done = panel.identity().change_role(&permit, typed.draft()).await;
    let words = done.map(|role| EN.role_changed(role.name));
    finish(&viewer, &proof, (Some(role), typed), words)
}

pub(super) async fn look(
    State(panel): State<Panel>,
    Params(name): Params<String>,
    Form { viewer, form }: Form<RoleForm>,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    let role = viewer.caller.found(panel.identity().role_view(&name))?;
    look_ahead(&viewer, &panel, role, form.typed())
}

fn look_ahead(viewer: &Viewer, panel: &Panel, role: RoleView, typed: RoleTyped) -> Result<Response, Problem> {
    match panel.identity().what_if(&role.name, &typed.draft()) {
        Ok(answer) => {
            let ahead = Some(Ahead::new(&answer, |at| scope::words(viewer, panel, at)));
            page(viewer, StatusCode::OK, Some(role), Shown { typed, ahead })
        }
        Err(error) => again(viewer, Some(role), typed, faults_of(&error)),
    }
}

pub(super) async fn remove(
    State(panel): State<Panel>,
    Params(name): Params<String>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let role = viewer.caller.found(panel.identity().role_view(&name))?;
    let on = Resource::role(&name);
    let typed = RoleTyped::from(&role);
    let asked = (act::RemoveRole, &on);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => return again(&viewer, Some(role), typed, vec![fault]),
    };
    let done = panel.identity().remove_role(&permit).await;
    let words = done.map(|()| match role.is_built_in {
        true => EN.role_is_back(name),
        false => EN.role_removed(name),
    });
    finish(&viewer, &proof, (Some(role), typed), words)
}
