//! `/api/stream` and `/api/ws`: what changes, as it changes, filtered by what the listener may read.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use watchroom_fleet::Fleet;
use watchroom_kit::ExposeSecret;
use watchroom_policy::{Act, Permit, Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Admitted, Caller, EventStream, Json, NoHandshake, Problem, Route, SocketRequest, Topic};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/stream", act::ListenToChanges, RouteClass::Stream, listen)
            .says("Listen to changes: `hello` says whether all that was missed follows; then `node`, `server`, `audit`")
            .as_type("text/event-stream"),
        Route::new(Method::GET, "/api/ws", act::ListenToChanges, RouteClass::Stream, converse)
            .says(
                "Listen to chosen topics by WebSocket (HTTP/1.1, protocol `watchroom.v1`): \
                 send `{\"do\":\"subscribe\",\"topics\":[\"server\",\"node:<id>\"],\"after\":\"<id>\"}` or `unsubscribe`; \
                 hear `hello`, `subscribed`, `unsubscribed`, `refused`, what changed, `ended`",
            )
            .upgrades(),
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

async fn converse(
    caller: Result<Caller, Problem>,
    asked: Result<SocketRequest, NoHandshake>,
    State(api): State<Api>,
) -> Result<Response, Problem> {
    let admitted = caller.and_then(|caller| admit(&api, caller));
    match (asked, admitted) {
        (Ok(asked), Ok(admitted)) => Ok(asked.open(admitted)),
        (Ok(asked), Err(problem)) => asked.refuse(problem),
        (Err(no_handshake), Ok(_)) => Ok(no_handshake.into_response()),
        (Err(_), Err(problem)) => Err(problem),
    }
}

fn admit(api: &Api, caller: Caller) -> Result<Admitted, Problem> {
    caller.permit(act::ListenToChanges, &Resource::all(ResourceKind::Host))?;
    let (seat, fleet) = (api.feed.seat(caller.principal())?, api.fleet.clone());
    Ok(Admitted {
        caller,
        seat,
        feed: api.feed.clone(),
        tasks: api.tasks.clone(),
        may_hear: Box::new(move |caller, topic| may_hear(&fleet, caller, *topic)),
    })
}

/// Whether somebody may hear of a topic: who may ask for the thing may hear of it too.
fn may_hear(fleet: &Fleet, caller: &Caller, topic: Topic) -> Result<(), Problem> {
    match topic {
        Topic::Audit => allowed(caller.permit(act::ReadAudit, &Resource::all(ResourceKind::Audit))),
        Topic::JoinRequests => {
            allowed(caller.permit(act::ListJoinRequests, &Resource::all(ResourceKind::JoinRequest)))
        }
        Topic::Nodes => allowed(caller.permit(act::ListNodes, &Resource::all(ResourceKind::Node))),
        Topic::Servers => allowed(caller.permit(act::ListServers, &Resource::all(ResourceKind::Server))),
        Topic::Node(id) => {
            let node = caller.found(fleet.node(id.into()))?;
            allowed(caller.permit(act::ShowNode, &*node))
        }
        Topic::Server(id) => {
            let server = caller.found(fleet.server(id.into()))?;
            allowed(caller.permit(act::ShowServer, &*server))
        }
    }
}

fn allowed<A: Act>(permit: Result<Permit<A>, Problem>) -> Result<(), Problem> {
    permit.map(drop)
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
