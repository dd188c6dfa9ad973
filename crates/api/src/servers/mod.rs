//! `/api/servers`: servers across the whole fleet.

mod console;
mod create;
mod list;
mod logs;
mod remove;
mod restart;
mod send;
mod show;
mod start;
mod stop;

use http::Method;
use watchroom_fleet::servers::{NewServer, ServerFilter};
use watchroom_fleet::{Acted, IdempotencyKey, ServerView};
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_model::PageRequest;
use watchroom_model::console::Line;
use watchroom_policy::act;
use watchroom_shield::RouteClass;
use watchroom_web::{Caller, IdempotencyHeader, Problem, Route};

use crate::Api;

pub(crate) use create::create_on;
pub(crate) use remove::remove_one;

pub(crate) fn routes() -> Vec<Route<Api>> {
    let mut routes = of_all();
    routes.extend(of_one());
    routes.extend(of_consoles());
    routes
}

fn of_all() -> Vec<Route<Api>> {
    vec![
        Route::new(
            Method::GET,
            "/api/servers",
            act::ListServers,
            RouteClass::Read,
            list::list,
        )
        .says("List servers")
        .asks::<PageRequest>()
        .asks::<ServerFilter>()
        .gives_page::<ServerView>(),
        Route::new(
            Method::POST,
            "/api/servers",
            act::CreateServer,
            RouteClass::Change,
            create::create,
        )
        .says("Create a server; it stays stopped")
        .takes::<NewServer>()
        .free_text(&["command", "env", "labels", "stop"])
        .gives::<Acted>()
        .with_status(201),
    ]
}

fn of_one() -> Vec<Route<Api>> {
    let change = RouteClass::Change;
    vec![
        Route::new(
            Method::GET,
            "/api/servers/{id}",
            act::ShowServer,
            RouteClass::Read,
            show::show,
        )
        .says("Show a server")
        .gives::<ServerView>(),
        Route::new(
            Method::DELETE,
            "/api/servers/{id}",
            act::RemoveServer,
            change,
            remove::remove,
        )
        .says("Remove a server, stopping it first; its folder stays on the node")
        .with_status(204),
        Route::new(
            Method::POST,
            "/api/servers/{id}/start",
            act::StartServer,
            change,
            start::start,
        )
        .says("Start a server")
        .gives::<Acted>(),
        Route::new(
            Method::POST,
            "/api/servers/{id}/stop",
            act::StopServer,
            change,
            stop::stop,
        )
        .says("Stop a server")
        .gives::<Acted>(),
        Route::new(
            Method::POST,
            "/api/servers/{id}/restart",
            act::RestartServer,
            change,
            restart::restart,
        )
        .says("Restart a server")
        .gives::<Acted>(),
    ]
}

fn of_consoles() -> Vec<Route<Api>> {
    let console = "/api/servers/{id}/console";
    vec![
        Route::new(
            Method::GET,
            "/api/servers/{id}/logs",
            act::ReadConsole,
            RouteClass::Read,
            logs::logs,
        )
        .says("Read a server's console as pages of lines")
        .asks::<logs::LogsQuery>()
        .gives_page::<Line>(),
        Route::new(
            Method::GET,
            console,
            act::ReadConsole,
            RouteClass::Stream,
            console::follow,
        )
        .says("Follow a server's console: events `lines` and `skipped`")
        .asks::<console::ConsoleQuery>()
        .as_type("text/event-stream"),
        Route::new(
            Method::POST,
            console,
            act::SendLine,
            RouteClass::Change,
            send::send,
        )
        .says("Send a line to a server's console")
        .takes::<send::NewLine>()
        .free_text(&["line"])
        .gives::<Acted>(),
    ]
}

/// An `Idempotency-Key` that cannot be one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("an Idempotency-Key has 1 to 128 visible ASCII characters")]
struct WrongKey;

impl Fault for WrongKey {
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
        vec![FieldFault::new("Idempotency-Key", "characters", self.to_string())]
    }
}

/// Binds the client's key to who sent it, to what (`act` on `what`) and to the body.
pub(crate) fn idempotency(
    caller: &Caller,
    header: IdempotencyHeader,
    what: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = header.0 else { return Ok(None) };
    let request = [what.as_bytes(), b"\n", body].concat();
    let key = IdempotencyKey::new(caller.principal().audit_name(), &key, &request).map_err(|_| WrongKey)?;
    Ok(Some(key))
}
