//! `/api/stream`: what changes, as it changes, filtered by what the listener may read.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_kit::ExposeSecret;
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, EventStream, Json, Problem, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/stream", act::ListenToChanges, RouteClass::Stream, listen)
            .says("Listen to changes: `hello` says whether all that was missed follows; then `node`, `server`, `audit`")
            .as_type("text/event-stream"),
        Route::new(
            Method::POST,
            "/api/ws/ticket",
            act::ListenToChanges,
            RouteClass::Change,
            ticket,
        )
        .says("Get a ticket to one stream, for `?ticket=` in its address: good once, for half a minute, at this Host")
        .gives::<StreamTicket>()
        .with_status(201),
    ]
}

/// A ticket to a stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamTicket {
    /// Its text.
    ticket: String,
    /// Seconds for which it is good.
    expires_in: u32,
}

async fn ticket(caller: Caller) -> Result<(StatusCode, Json<StreamTicket>), Problem> {
    caller.permit(act::ListenToChanges, &Resource::all(ResourceKind::Host))?;
    let (ticket, expires_in) = caller.ticket()?;
    let ticket = ticket.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(StreamTicket { ticket, expires_in })))
}

async fn listen(caller: Caller, State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    caller.permit(act::ListenToChanges, &Resource::all(ResourceKind::Host))?;
    let last_id = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let seat = api.feed.seat(caller.principal())?;
    let (events, response) = EventStream::open();
    let (feed, tasks) = (api.feed.clone(), api.tasks.clone());
    api.tasks.spawn_graceful("change-listener", async move {
        events.follow(feed, caller, last_id, tasks).await;
        drop(seat);
    });
    Ok(response)
}
