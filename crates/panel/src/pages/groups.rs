//! `/access/groups`: groups of people, who is in them and what they hold.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{GroupDraft, GroupError, GroupView, NewGroupGrant};
use watchroom_kit::{Fault, SecretString};
use watchroom_model::{GrantId, GroupId, UserId, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::scope;
use super::step_up::{ProofForm, proven, with_proof};
use crate::text::EN;
use crate::view::ahead::Ahead;
use crate::view::giving::GivingTyped;
use crate::view::groups::{GroupCard, GroupTyped, GroupsPage, HeldRow, Looked, MemberRow};
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

/// What any of the forms sends that is only looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LookForm {
    user: String,
    role: String,
    at: String,
    place: String,
    remove: Option<UserId>,
    take: Option<GrantId>,
}

/// What the page shows beside the groups as they are.
#[derive(Debug, Default)]
struct Shown {
    typed: GroupTyped,
    looked: Option<Looked>,
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    let (called, group) = ("/access/groups/{id}/rename", "/access/groups/{id}/remove");
    let ahead = "/access/groups/{id}/look-ahead";
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
        Route::new(Method::POST, ahead, act::ListGroups, RouteClass::Read, look),
        Route::new(Method::POST, called, act::RenameGroup, administration, rename),
        Route::new(Method::POST, group, act::RemoveGroup, administration, remove),
        Route::new(Method::POST, members, act::AddMember, administration, add),
        Route::new(Method::POST, member, act::RemoveMember, administration, take_out),
        Route::new(Method::POST, grants, act::GiveToGroup, administration, give),
        Route::new(Method::POST, grant, act::TakeFromGroup, administration, take),
    ]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    page(&viewer, &panel, StatusCode::OK, Shown::default())
}

fn page(viewer: &Viewer, panel: &Panel, status: StatusCode, shown: Shown) -> Result<Response, Problem> {
    let all = Resource::all(ResourceKind::Group);
    viewer.caller.permit(act::ListGroups, &all)?;
    let may_manage = viewer.may(act::CreateGroup, &all);
    let roles = panel.identity().role_names();
    let groups = panel.identity().groups();
    let Shown { typed, looked } = shown;
    let cards = groups.into_iter().map(|group| {
        let looked = looked.clone().filter(|looked| looked.group == group.id);
        card(viewer, panel, group, (&roles, looked))
    });
    let shell = viewer.shell(Section::People, EN.groups);
    let page = GroupsPage::new(shell, cards.collect(), &typed, (may_manage, viewer.needs_proof()));
    viewer.page_with(status, &page)
}

fn card(
    viewer: &Viewer,
    panel: &Panel,
    group: GroupView,
    (roles, looked): (&[String], Option<Looked>),
) -> GroupCard {
    let members = group.members.into_iter().map(MemberRow::from).collect();
    let grants = group.grants.into_iter().map(|grant| HeldRow {
        id: grant.id.to_string(),
        place: scope::words(viewer, panel, &grant.scope),
        role: grant.role,
    });
    GroupCard::new(group.id, group.name, (members, grants.collect()), roles, looked)
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
            let looked = None;
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, Shown { typed, looked });
        }
    };
    match panel.identity().create_group(&permit, &typed.name).await {
        Err(error @ (GroupError::NameTaken | GroupError::Invalid(_))) => {
            typed.faults = Faults::new(error.fields());
            let viewer = viewer.risen(proof.session(&viewer));
            let looked = None;
            let shown = page(&viewer, &panel, StatusCode::BAD_REQUEST, Shown { typed, looked })?;
            proof.finish(shown)
        }
        made => {
            let flash = told(made.map(|group| EN.group_made(group.name)))?;
            proof.finish(answer::redirect_with(PAGE, &flash)?)
        }
    }
}

pub(super) async fn look(
    State(panel): State<Panel>,
    Params(id): Params<GroupId>,
    Form { viewer, form }: Form<LookForm>,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListGroups, &Resource::all(ResourceKind::Group))?;
    found(&viewer, &panel, id)?;
    let draft = match draft(&viewer, &panel, &form) {
        Ok(draft) => draft,
        Err(why) => return answer::redirect_with(PAGE, &Flash::trouble(sentence(&why))),
    };
    match panel.identity().what_if_group(id, &draft) {
        Ok(answer) => {
            let looked = Some(Looked {
                group: id,
                typed: GivingTyped {
                    user: form.user,
                    role: form.role,
                    at: form.at,
                    place: form.place,
                    ..GivingTyped::default()
                },
                ahead: Ahead::new(&answer, |at| scope::words(&viewer, &panel, at)),
            });
            let typed = GroupTyped::default();
            page(&viewer, &panel, StatusCode::OK, Shown { typed, looked })
        }
        Err(error) => answer::redirect_with(PAGE, &told(Err(error))?),
    }
}

/// What one of the forms would do, or what of it names nothing.
fn draft(viewer: &Viewer, panel: &Panel, form: &LookForm) -> Result<GroupDraft, String> {
    let mut draft = GroupDraft {
        remove: form.remove.into_iter().collect(),
        take: form.take.into_iter().collect(),
        ..GroupDraft::default()
    };
    let name = form.user.trim();
    if !name.is_empty() {
        let user = id_of(panel, name).ok_or_else(|| GroupError::NoUser.public())?;
        draft.add.push(user);
    }
    if !form.role.is_empty() {
        let scope = scope::meant(viewer, panel, &form.at, &form.place).map_err(|fault| fault.message)?;
        let role = form.role.clone();
        draft.give.push(NewGroupGrant { role, scope });
    }
    Ok(draft)
}

fn id_of(panel: &Panel, name: &str) -> Option<UserId> {
    let name = name.parse::<UserName>().ok()?;
    panel.identity().id_of(&name)
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
        let done = match id_of(&panel, name) {
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
