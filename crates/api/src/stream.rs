//! `/api/stream`: what changes, as it changes, filtered by what the listener may read.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, EventStream, Problem, Route};

use crate::Api;

pub(crate) fn routes() -> Vec<Route<Api>> {
    vec![
        Route::new(Method::GET, "/api/stream", act::ListenToChanges, RouteClass::Stream, listen)
            .says("Listen to changes: `hello` says whether all that was missed follows; then `node`, `server`, `audit`")
            .as_type("text/event-stream"),
    ]
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
