//! `/access/roles`: what roles give, who holds which, and giving and taking them.

use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use watchroom_identity::{GivingError, GrantFilter, NewGrantFor};
use watchroom_kit::{Fault, FieldFault, SecretString};
use watchroom_model::{GrantId, UserName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Params, Problem, Route};

use super::step_up::{ProofForm, proven, with_proof};
use super::{most, scope};
use crate::text::EN;
use crate::view::giving::GivingTyped;
use crate::view::roles::{GrantRow, MayGive, RolesPage};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

const PAGE: &str = "/access/roles";

/// What the form sends that gives somebody a role.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GiveForm {
    user: String,
    role: String,
    at: String,
    place: String,
    password: SecretString,
}

pub(super) fn routes() -> Vec<Route<Panel>> {
    let administration = RouteClass::Administration;
    let (give_to, take_from) = ("/access/grants", "/access/grants/{id}/take");
    vec![
        Route::new(Method::GET, PAGE, act::ListRoles, RouteClass::Page, show),
        Route::new(Method::POST, give_to, act::GiveGrant, administration, give),
        Route::new(Method::POST, take_from, act::TakeGrant, administration, take),
    ]
}

pub(super) async fn show(viewer: Viewer, State(panel): State<Panel>) -> Result<Response, Problem> {
    page(&viewer, &panel, StatusCode::OK, &GivingTyped::default()).await
}

async fn page(
    viewer: &Viewer,
    panel: &Panel,
    status: StatusCode,
    typed: &GivingTyped,
) -> Result<Response, Problem> {
    viewer
        .caller
        .permit(act::ListRoles, &Resource::all(ResourceKind::Role))?;
    let (mut grants, mut cursor) = (Vec::new(), None);
    loop {
        let found = panel
            .identity()
            .grants(&GrantFilter::default(), &most(cursor))
            .await?;
        grants.extend(
            found
                .items
                .iter()
                .map(|grant| GrantRow::new(grant, scope::words(viewer, panel, &grant.scope))),
        );
        match found.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    for group in panel.identity().groups() {
        let held = group.grants.iter();
        grants.extend(
            held.map(|grant| {
                GrantRow::of_group(&group.name, grant, scope::words(viewer, panel, &grant.scope))
            }),
        );
    }
    let may = MayGive {
        create: viewer.may(act::CreateRole, &Resource::all(ResourceKind::Role)),
        give: viewer.may(act::GiveGrant, &Resource::all(ResourceKind::Grant)),
        needs_proof: viewer.needs_proof(),
    };
    let shell = viewer.shell(Section::People, EN.roles);
    let page = RolesPage::new(shell, (panel.identity().roles(), grants), typed, may);
    viewer.page_with(status, &page)
}

pub(super) async fn give(
    State(panel): State<Panel>,
    Form { viewer, form }: Form<GiveForm>,
) -> Result<Response, Problem> {
    let draft = panel.identity().draft_grant();
    viewer.admit(act::GiveGrant, &draft)?;
    let mut typed = GivingTyped {
        user: form.user.trim().to_owned(),
        role: form.role,
        at: form.at,
        place: form.place,
        faults: Faults::default(),
    };
    let wanted = match wanted(&viewer, &panel, &typed) {
        Ok(wanted) => wanted,
        Err(faults) => {
            typed.faults = Faults::new(faults);
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await;
        }
    };
    let asked = (act::GiveGrant, &draft);
    let (proof, permit) = match proven(&viewer, &panel, asked, form.password).await? {
        Ok(both) => both,
        Err(fault) => {
            typed.faults = Faults::new(vec![fault]);
            return page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await;
        }
    };
    match panel.identity().give(&permit, wanted).await {
        Ok(given) => {
            let words = EN.roles_given_to(given.role, &typed.user);
            proof.finish(answer::redirect_with(PAGE, &Flash::done(words))?)
        }
        Err(GivingError::Store(error)) => Err(error.into()),
        Err(error) => {
            let mut faults = error.fields();
            if faults.is_empty() {
                faults.push(FieldFault::new("role", "refused", sentence(&error.public())));
            }
            typed.faults = Faults::new(faults);
            let viewer = viewer.risen(proof.session(&viewer));
            let shown = page(&viewer, &panel, StatusCode::BAD_REQUEST, &typed).await?;
            proof.finish(shown)
        }
    }
}

/// What the form means, or all that names nothing.
fn wanted(viewer: &Viewer, panel: &Panel, typed: &GivingTyped) -> Result<NewGrantFor, Vec<FieldFault>> {
    let name = typed.user.parse::<UserName>().ok();
    let user = name.and_then(|name| panel.identity().id_of(&name));
    let unknown = || GivingError::NoUser.fields();
    match (user, scope::meant(viewer, panel, &typed.at, &typed.place)) {
        (Some(user), Ok(scope)) => Ok(NewGrantFor {
            user,
            role: typed.role.clone(),
            scope,
        }),
        (user, scope) => {
            let nobody = user.map_or_else(unknown, |_| Vec::new());
            Err(nobody.into_iter().chain(scope.err()).collect())
        }
    }
}

pub(super) async fn take(
    State(panel): State<Panel>,
    Params(id): Params<GrantId>,
    Form { viewer, form }: Form<ProofForm>,
) -> Result<Response, Problem> {
    let grant = viewer.caller.found(panel.identity().grant(id).await?)?;
    let (asked, sent) = ((act::TakeGrant, &grant), (form.password, PAGE));
    with_proof(&viewer, &panel, asked, sent, async |permit| {
        match panel.identity().take(&permit).await {
            Ok(()) => Ok(Flash::done(EN.roles_taken)),
            Err(GivingError::Store(error)) => Err(error.into()),
            Err(error) => Ok(Flash::trouble(sentence(&error.public()))),
        }
    })
    .await
}
