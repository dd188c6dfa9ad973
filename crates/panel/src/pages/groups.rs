//! `/access/groups`: groups of people, who is in them and what they hold.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{GroupError, GroupView, NewGroupGrant};
use watchroom_kit::{Fault, SecretString};
use watchroom_model::{GrantId, GroupId, UserId, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::scope;
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::groups::{GroupCard, GroupTyped, GroupsPage, HeldRow, MemberRow};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const PAGE: &str = "/access/groups";

/// What the form for a new group sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupForm {
    name: String,
    password: SecretString,
}

/// What the form sends that gives a group another name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RenameForm {
    name: String,
    password: SecretString,
}

/// What the form sends that puts somebody into a group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MemberForm {
    user: String,
    password: SecretString,
}

/// What the form sends that gives a group a role.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GiveForm {
    role: String,
    at: String,
    place: String,
    password: SecretString,
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    let (called, group) = ("/access/groups/{id}/rename", "/access/groups/{id}/remove");
    let (members, member) = (
        "/access/groups/{id}/members",
        "/access/groups/{id}/members/{user}/remove",
    );
    let (grants, grant) = (
        "/access/groups/{id}/grants",
        "/access/groups/{id}/grants/{grant}/take",
    );
    vec![
        Route::new(Method::GET, PAGE, act::ListGroups, RouteClass::Page, show),
        Route::new(Method::POST, PAGE, act::CreateGroup, administration, create),
        Route::new(Method::POST, called, act::RenameGroup, administration, rename),
        Route::new(Method::POST, group, act::RemoveGroup, administration, remove),
        Route::new(Method::POST, members, act::AddMember, administration, add),
        Route::new(Method::POST, member, act::RemoveMember, administration, take_out),
        Route::new(Method::POST, grants, act::GiveToGroup, administration, give),
        Route::new(Method::POST, grant, act::TakeFromGroup, administration, take),
    ]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    page(&viewer, &panel, StatusCode::OK, &GroupTyped::default())
}

fn page(viewer: &Viewer, panel: &Panel, status: StatusCode, typed: &GroupTyped) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Group);
    viewer.caller.permit(act::ListGroups, &all)?;
    let may_manage = viewer.may(act::CreateGroup, &all);
    let roles = panel.identity().role_names();
    let groups = panel.identity().groups();
    let cards = groups.into_iter().map(|group| card(viewer, panel, group, &roles));
    let shell = viewer.shell(Section::People, EN.groups);
    let page = GroupsPage::new(shell, cards.collect(), typed, (may_manage, viewer.needs_proof()));
    viewer.page_with(status, &page)
}

fn card(viewer: &Viewer, panel: &Panel, group: GroupView, roles: &[String]) -> GroupCard {
    let members = group.members.into_iter().map(MemberRow::from).collect();
    let grants = group.grants.into_iter().map(|grant| HeldRow {
        id: grant.id.to_string(),
        place: scope::words(viewer, panel, &grant.scope),
        role: grant.role,
    });
    GroupCard::new(group.id, group.name, (members, grants.collect()), roles)
}

/// A word on what came of it.
fn told(done: Result<String, GroupError>) -> Result<Flash, Problem> {
    match done {
        Err(GroupError::Store(error)) => Err(error.into()),
        done => Ok(Flash::told(done)),
    }
}

/// The group, which the viewer may know of or is told that there is none.
fn found(viewer: &Viewer, panel: &Panel, id: GroupId) -> Result<GroupView, Problem> {
    viewer.caller.found(panel.identity().group(id))
}

pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<GroupForm>,
) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Group);
    let mut typed = GroupTyped {
        name: form.name.trim().to_owned(),
        faults: Faults::default(),
    };
    let asked = (act::CreateGroup, &all);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed);
        }
    };
    match panel.identity().create_group(&permit, &typed.name).await {
        Err(error @ (GroupError::NameTaken | GroupError::Invalid(_))) => {
            typed.faults = Faults::new(error.fields());
            let viewer = viewer.risen(proof.session(&viewer));
            let shown = page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed)?;
            proof.finish(shown)
        }
        made => {
            let flash = told(made.map(|group| EN.group_made(group.name)))?;
            proof.finish(answer::redirect_with(PAGE, &flash)?)
        }
    }
}

pub(super) async fn rename(
    State(panel): State<Panel>,
    Params(id): Params<GroupId>,
    Form { viewer, form }: Form<RenameForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::RenameGroup, &group), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let done = panel.identity().rename_group(&permit, form.name.trim()).await;
        told(done.map(|group| EN.group_renamed(group.name)))
    })
    .await
}

pub(super) async fn remove(
    State(panel): State<Panel>,
    Params(id): Params<GroupId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::RemoveGroup, &group), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let done = panel.identity().remove_group(&permit).await;
        told(done.map(|()| EN.group_removed(&group.name)))
    })
    .await
}

pub(super) async fn add(
    State(panel): State<Panel>,
    Params(id): Params<GroupId>,
    Form { viewer, form }: Form<MemberForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::AddMember, &group), (form.password, PAGE));
    let name = form.user.trim();
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let user = name.parse::<UserName>().ok();
        let done = match user.and_then(|user| panel.identity().id_of(&user)) {
            Some(user) => panel.identity().add_member(&permit, user).await,
            None => Err(GroupError::NoUser),
        };
        told(done.map(|_| EN.group_joined(&group.name, name)))
    })
    .await
}

pub(super) async fn take_out(
    State(panel): State<Panel>,
    Params((id, user)): Params<(GroupId, UserId)>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::RemoveMember, &group), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let done = panel.identity().remove_member(&permit, user).await;
        told(done.map(|()| EN.group_left(&group.name)))
    })
    .await
}

pub(super) async fn give(
    State(panel): State<Panel>,
    Params(id): Params<GroupId>,
    Form { viewer, form }: Form<GiveForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::GiveToGroup, &group), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let scope = match scope::meant(&viewer, &panel, &form.at, &form.place) {
            Ok(scope) => scope,
            Err(fault) => return Ok(Flash::trouble(sentence(&fault.message))),
        };
        let role = form.role.clone();
        let given = NewGroupGrant { role, scope };
        let done = panel.identity().give_to_group(&permit, given).await;
        told(done.map(|_| EN.group_holds(&group.name)))
    })
    .await
}

pub(super) async fn take(
    State(panel): State<Panel>,
    Params((id, grant)): Params<(GroupId, GrantId)>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let group = found(&viewer, &panel, id)?;
    let (asked, sent) = ((act::TakeFromGroup, &group), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        let done = panel.identity().take_from_group(&permit, grant).await;
        told(done.map(|()| EN.group_lost(&group.name)))
    })
    .await
}
