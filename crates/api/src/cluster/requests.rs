//! Joining: a machine asks and polls, a person decides.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use data_encoding::BASE64;
use http::{Method, StatusCode};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use watchroom_fleet::nodes::join::{Decided, JoinError, JoinFilter, JoinRequestView, KeyProof};
use watchroom_model::join::{JoinAnswer, JoinAsk, JoinTicket};
use watchroom_model::{JoinRequestId, Page, PageRequest};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Body, Caller, IdempotencyHeader, Params, Problem, Query, Route};

use crate::Api;
use crate::servers::idempotency;

pub(super) fn routes() -> Vec<Route<Api>> {
    let (read, decide, join) = (RouteClass::Read, RouteClass::Administration, RouteClass::Join);
    vec![
        Route::new(
            Method::POST,
            "/api/cluster/request-join",
            act::RequestJoin,
            join,
            request,
        )
        .says("Ask to join, with a join token or from a network that may ask")
        .takes::<JoinAsk>()
        .gives::<JoinTicket>()
        .with_status(201),
        Route::new(
            Method::GET,
            "/api/cluster/check-approval/{id}",
            act::CheckApproval,
            join,
            check,
        )
        .says("How one's own request stands, by the poll secret in X-Poll-Secret; once with the papers of a node")
        .gives::<JoinAnswer>(),
        Route::new(
            Method::GET,
            "/api/cluster/requests",
            act::ListJoinRequests,
            read,
            list,
        )
        .says("List the machines that wait to be let in")
        .asks::<PageRequest>()
        .asks::<JoinFilter>()
        .gives_page::<JoinRequestView>(),
        Route::new(
            Method::POST,
            "/api/cluster/requests/{id}/approve",
            act::ApproveJoin,
            decide,
            approve,
        )
        .says("Let a machine in, once its six words have been compared")
        .takes::<Approval>()
        .gives::<Decided>(),
        Route::new(
            Method::POST,
            "/api/cluster/requests/{id}/reject",
            act::RejectJoin,
            decide,
            reject,
        )
        .says("Turn a machine away, with a reason that it shows")
        .takes::<Rejection>()
        .free_text(&["reason"])
        .gives::<Decided>(),
    ]
}

/// What a person says of the six words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// That the words here and on the machine's screen are the same.
    #[serde(default)]
    words_match: bool,
}

/// Why a machine is turned away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    /// For the person at the machine: 1 to 500 characters.
    reason: String,
}

/// What a machine shows to learn of its own request.
#[derive(Debug)]
pub(super) struct Poll {
    secret: String,
    proof: Option<KeyProof>,
}

impl<S: Send + Sync> FromRequestParts<S> for Poll {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Self {
            // Without one there is nothing to compare, and the answer is that of a wrong one.
            secret: header("x-poll-secret").unwrap_or_default().to_owned(),
            proof: header("x-key-proof").and_then(proof),
        })
    }
}

/// `<seconds since 1970>.<signature in base64>`; one that does not parse proves nothing.
fn proof(text: &str) -> Option<KeyProof> {
    let (at, signature) = text.split_once('.')?;
    Some(KeyProof {
        at: OffsetDateTime::from_unix_timestamp(at.parse().ok()?).ok()?,
        signature: BASE64.decode(signature.as_bytes()).ok()?,
    })
}

async fn request(
    caller: Caller,
    State(api): State<Api>,
    body: Body<JoinAsk>,
) -> Result<(StatusCode, Json<JoinTicket>), Problem> {
    let permit = caller.permit(act::RequestJoin, &api.fleet.draft_join_request())?;
    let ticket = api.fleet.request_join(&permit, body.value).await?;
    Ok((StatusCode::CREATED, Json(ticket)))
}

async fn check(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<JoinRequestId>,
    poll: Poll,
) -> Result<Json<JoinAnswer>, Problem> {
    let request = api.fleet.own_join_request(id, &poll.secret).await?;
    caller.permit(act::CheckApproval, &request)?;
    if !request.has_papers(poll.proof.as_ref()) {
        return Ok(Json(request.answer()));
    }
    let permit = caller.permit(act::HandOverPapers, &request)?;
    Ok(Json(
        api.fleet
            .hand_over(&permit, &request, poll.proof.as_ref())
            .await?,
    ))
}

async fn list(
    caller: Caller,
    State(api): State<Api>,
    Query(page): Query<PageRequest>,
    Query(filter): Query<JoinFilter>,
) -> Result<Json<Page<JoinRequestView>>, Problem> {
    caller.permit(act::ListJoinRequests, &Resource::all(ResourceKind::JoinRequest))?;
    let requests = api.fleet.join_requests(caller.principal(), &filter, &page);
    Ok(Json(requests.await?))
}

async fn approve(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<JoinRequestId>,
    key: IdempotencyHeader,
    body: Body<Approval>,
) -> Result<Json<Decided>, Problem> {
    let request = found(&caller, &api, id).await?;
    let permit = caller.permit(act::ApproveJoin, &request)?;
    let key = idempotency(&caller, key, &format!("approve {id}"), &body.bytes)?;
    let words_match = body.value.words_match;
    Ok(Json(api.fleet.approve_join(&permit, words_match, key).await?))
}

async fn reject(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<JoinRequestId>,
    key: IdempotencyHeader,
    body: Body<Rejection>,
) -> Result<Json<Decided>, Problem> {
    let request = found(&caller, &api, id).await?;
    let permit = caller.permit(act::RejectJoin, &request)?;
    let key = idempotency(&caller, key, &format!("reject {id}"), &body.bytes)?;
    Ok(Json(
        api.fleet.reject_join(&permit, &body.value.reason, key).await?,
    ))
}

async fn found(caller: &Caller, api: &Api, id: JoinRequestId) -> Result<JoinRequestView, Problem> {
    let request = api.fleet.join_request(id).await.map_err(JoinError::from)?;
    caller.found(request)
}
