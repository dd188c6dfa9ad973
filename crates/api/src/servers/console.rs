//! `GET /api/servers/<id>/console`: the console as a stream of events.

use axum::extract::State;
use axum::response::Response;
use futures_util::StreamExt;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use watchroom_fleet::servers::ConsoleStream;
use watchroom_model::ServerId;
use watchroom_model::console::{ConsoleEvent, ConsoleFrom};
use watchroom_policy::act;
use watchroom_web::{Caller, EventStream, Params, Problem, Query};

use crate::Api;

/// Lines replayed when nobody says from where.
const USUAL_REPLAY: u32 = 500;
/// Most lines replayed by `last`.
const MOST_REPLAY: u32 = 10_000;

/// From where the console is wanted. A `Last-Event-ID` header, as browsers send it, goes before both.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(crate) struct ConsoleQuery {
    /// The last so many lines, at most 10,000. Default 500.
    last: Option<u32>,
    /// From this offset on.
    from: Option<u64>,
}

pub(super) async fn follow(
    caller: Caller,
    State(api): State<Api>,
    Params(id): Params<ServerId>,
    Query(query): Query<ConsoleQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let server = caller.found(api.fleet.server(id))?;
    let permit = caller.permit(act::ReadConsole, &*server)?;
    let console = api.fleet.console(&permit, from(&query, &headers)).await?;
    let (events, response) = EventStream::open_for_large();
    let tasks = api.tasks.clone();
    api.tasks.spawn_graceful("console-viewer", async move {
        tokio::select! {
            () = events.until_over(&caller, &tasks) => {}
            () = pump(&events, console) => {}
        }
    });
    Ok(response)
}

fn from(query: &ConsoleQuery, headers: &HeaderMap) -> ConsoleFrom {
    let seen = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse::<u64>().ok());
    match (seen, query.from, query.last) {
        (Some(seen), _, _) => ConsoleFrom::Offset(seen.saturating_add(1)),
        (None, Some(offset), _) => ConsoleFrom::Offset(offset),
        (None, None, last) => ConsoleFrom::Last(last.unwrap_or(USUAL_REPLAY).min(MOST_REPLAY)),
    }
}

/// Passes the console on; each event's id is the last offset in it, so that a browser that was cut off
/// comes back for exactly what it missed.
async fn pump(events: &EventStream, mut console: ConsoleStream) {
    while let Some(event) = console.next().await {
        let is_open = match event {
            Ok(ConsoleEvent::Lines(lines)) => {
                let id = lines.last().map(|line| line.offset.to_string());
                events.send_json("lines", id.as_deref(), &lines).await
            }
            Ok(ConsoleEvent::Skipped { from, to }) => {
                let id = to.saturating_sub(1).to_string();
                events
                    .send_json("skipped", Some(&id), &json!({ "from": from, "to": to }))
                    .await
            }
            Err(error) => {
                events
                    .send_json("lost", None, &json!({ "why": error.to_string() }))
                    .await;
                false
            }
        };
        if !is_open {
            return;
        }
    }
}
