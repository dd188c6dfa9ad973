//! `/api/grants`: who was given which role, where; `/api/who-can`: everybody who may do a thing.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use watchroom_identity::{Ability, GrantFilter, GrantListed, MayDo, NewGrantFor};
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::{GrantId, Page, PageRequest};
use watchroom_policy::{PermissionSet, Resource, ResourceKind, Target, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

/// What is asked about.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhoCan {
    /// One permission, such as `compute:control`.
    pub(crate) permission: String,
    /// On what: `node:<id>` or `server:<id>`; wherever if absent.
    pub(crate) on: Option<String>,
}

/// A question that means nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", .0.field, .0.message)]
struct NoQuestion(FieldFault);

impl Fault for NoQuestion {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }

    fn slug(&self) -> &'static str {
        "invalid-input"
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn fields(&self) -> Vec<FieldFault> {
        vec![self.0.clone()]
    }
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let (read, administration) = (RouteClass::Read, RouteClass::Administration);
    vec![
        Route::new(Method::GET, "/api/grants", act::ListGrants, read, list)
            .says("List who was given which role, and where it holds")
            .asks::<PageRequest>()
            .asks::<GrantFilter>()
            .gives_page::<GrantListed>(),
        Route::new(Method::POST, "/api/grants", act::GiveGrant, administration, give)
            .says("Give somebody a role at a scope, no more than one holds there")
            .takes::<NewGrantFor>()
            .gives::<GrantListed>()
            .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/grants/{id}",
            act::TakeGrant,
            administration,
            take,
        )
        .says("Take a role from somebody")
        .with_status(204),
        Route::new(Method::GET, "/api/who-can", act::ListGrants, read, who_can)
            .says("List everybody who may do a thing, and by which grant")
            .asks::<WhoCan>()
            .gives_page::<MayDo>(),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
    Query(filter): Query<GrantFilter>,
) -> Result<Json<Page<GrantListed>>, Problem> {
    caller.permit(act::ListGrants, &Resource::all(ResourceKind::Grant))?;
    Ok(Json(api.identity().grants(&filter, &page).await?))
}

async fn give(
    caller: Caller,
    State(api): State<Api>,
    body: Body<NewGrantFor>,
) -> Result<(StatusCode, Json<GrantListed>), Problem> {
    let permit = caller.permit(act::GiveGrant, &api.identity().draft_grant())?;
    let given = api.identity().give(&permit, body.value).await?;
    Ok((StatusCode::CREATED, Json(given)))
}

async fn take(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<GrantId>,
) -> Result<StatusCode, Problem> {
    let grant = caller.found(api.identity().grant(id).await?)?;
    let permit = caller.permit(act::TakeGrant, &grant)?;
    api.identity().take(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn who_can(
    caller: Caller,
    State(api): State<Api>,
    Query(asked): Query<WhoCan>,
) -> Result<Json<Page<MayDo>>, Problem> {
    caller.permit(act::ListGrants, &Resource::all(ResourceKind::Grant))?;
    let set: Result<PermissionSet, _> = asked.permission.parse();
    let mut named = set.iter().flat_map(|set| set.iter());
    let (Some(permission), None) = (named.next(), named.next()) else {
        let rule = "one permission of the catalogue, such as compute:control";
        return Err(NoQuestion(FieldFault::new("permission", "unknown", rule)).into());
    };
    let on = asked.on.as_deref().map(|on| thing(&api, on)).transpose()?;
    Ok(Json(Page {
        items: api.identity().who_can(&Ability { permission, on }),
        next_cursor: None,
    }))
}

/// The node or server that is meant.
fn thing(api: &Api, text: &str) -> Result<Resource, NoQuestion> {
    let found = match text.split_once(':') {
        Some(("node", id)) => {
            let node = id.parse().ok().and_then(|id| api.fleet.node(id));
            node.map(|node| node.resource())
        }
        Some(("server", id)) => {
            let server = id.parse().ok().and_then(|id| api.fleet.server(id));
            server.map(|server| server.resource())
        }
        _ => None,
    };
    found.ok_or_else(|| {
        NoQuestion(FieldFault::new(
            "on",
            "unknown",
            "node:<id> or server:<id> of one that there is",
        ))
    })
}
