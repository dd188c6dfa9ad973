//! `/api/security/decoys`: texts that look like tokens and tell of whoever tries them.

use axum::extract::State;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_identity::DecoyView;
use watchroom_kit::ExposeSecret;
use watchroom_model::{DecoyId, Page, PageRequest, TokenName};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, Json, Params, Problem, Query, Route};

use crate::Api;

/// A decoy to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecoyDraft {
    /// Where it will be laid out; unique among decoys.
    name: TokenName,
}

/// A decoy that has just been made: its text is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecoyIssued {
    /// Its text.
    token: String,
    #[serde(flatten)]
    decoy: DecoyView,
}

pub(crate) fn routes() -> Vec<Route<Api>> {
    let decoys = "/api/security/decoys";
    let administration = RouteClass::Administration;
    vec![
        Route::new(Method::GET, decoys, act::ListDecoys, RouteClass::Read, list)
            .says("List decoy tokens, and whether somebody has tried them")
            .asks::<PageRequest>()
            .gives_page::<DecoyView>(),
        Route::new(Method::POST, decoys, act::CreateDecoy, administration, create)
            .says("Make a decoy token, which opens nothing; its text is shown once")
            .takes::<DecoyDraft>()
            .gives::<DecoyIssued>()
            .with_status(201),
        Route::new(
            Method::DELETE,
            "/api/security/decoys/{id}",
            act::RemoveDecoy,
            administration,
            remove,
        )
        .says("Remove a decoy token")
        .with_status(204),
    ]
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
) -> Result<Json<Page<DecoyView>>, Problem> {
    caller.permit(act::ListDecoys, &Resource::all(ResourceKind::Decoy))?;
    Ok(Json(api.identity().decoys(&page).await?))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    body: Body<DecoyDraft>,
) -> Result<(StatusCode, Json<DecoyIssued>), Problem> {
    let permit = caller.permit(act::CreateDecoy, &api.identity().draft_decoy())?;
    let issued = api.identity().create_decoy(&permit, body.value.name).await?;
    let shown = DecoyIssued {
        token: issued.token.expose_secret().to_owned(),
        decoy: issued.view,
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn remove(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<DecoyId>,
) -> Result<StatusCode, Problem> {
    let decoy = caller.found(api.identity().decoy(id).await?)?;
    let permit = caller.permit(act::RemoveDecoy, &decoy)?;
    api.identity().remove_decoy(&permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
