//! `GET /servers/<id>` and the acts on it that need no second look.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_fleet::servers::OrderError;
use watchroom_fleet::{Acted, Outcome, Server};
use watchroom_kit::Fault;
use watchroom_model::ServerId;
use watchroom_model::console::ConsoleFrom;
use watchroom_policy::act;
use watchroom_web::{Params, Problem};

use super::entry::Nothing;
use crate::text::EN;
use crate::view::server::{ConsoleLine, May, Removal, ServerLive, ServerPage, commands, settings};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// Lines of the console in the page itself; scripts then bring more.
const LINES: u32 = 100;

/// What was typed into the removal form, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct RemovalTyped {
    /// The name, typed again.
    pub(super) name: String,
    /// What is wrong.
    pub(super) faults: Faults,
}

/// Where to go back to after an act from a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Back {
    back: String,
}

/// What the console's form sends.
#[derive(Debug, Deserialize)]
pub(super) struct NewLine {
    line: String,
}

pub(super) async fn show(
    viewer: Viewer,
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    viewer.caller.permit(act::ShowServer, &*server)?;
    if viewer.wants_fragment {
        return answer::page(&live(&viewer, &panel, &server));
    }
    shown(&viewer, &panel, &server, StatusCode::OK, RemovalTyped::default()).await
}

fn may(viewer: &Viewer, server: &Server) -> May {
    May {
        control: viewer.may(act::StartServer, server),
        send: viewer.may(act::SendLine, server),
        remove: viewer.may(act::RemoveServer, server),
    }
}

fn live(viewer: &Viewer, panel: &Panel, server: &Server) -> ServerLive {
    ServerLive::new(
        panel.fleet.view_server(server),
        may(viewer, server),
        viewer.csrf(),
        viewer.now(),
    )
}

/// The whole page, with the removal form as it was typed.
pub(super) async fn shown(
    viewer: &Viewer,
    panel: &Panel,
    server: &Arc<Server>,
    status: StatusCode,
    removal: RemovalTyped,
) -> Result<Response, Problem> {
    let view = panel.fleet.view_server(server);
    let may = may(viewer, server);
    let page = ServerPage {
        t: &EN,
        shell: viewer.shell(Section::Servers, view.name.to_string()),
        console: console(viewer, panel, server).await?,
        settings: settings(&view),
        commands: commands(&view, may),
        removal: may
            .remove
            .then(|| Removal::new(&view, viewer.needs_proof(), &removal.name, &removal.faults)),
        live: live(viewer, panel, server),
    };
    viewer.page_with(status, &page)
}

/// The end of the console, or why it cannot be read: a node that is away must not hide what is known.
async fn console(
    viewer: &Viewer,
    panel: &Panel,
    server: &Server,
) -> Result<Result<Vec<ConsoleLine>, String>, Problem> {
    let permit = viewer.caller.permit(act::ReadConsole, server)?;
    let read = panel.fleet.logs(&permit, ConsoleFrom::Last(LINES), LINES).await;
    Ok(read
        .map(|page| page.items.into_iter().map(ConsoleLine::from).collect())
        .map_err(|error| EN.console_away(error.public())))
}

/// Back to the page, with what came of an act.
fn acted(
    panel: &Panel,
    id: ServerId,
    back: &str,
    outcome: Result<Acted, OrderError>,
    done: impl Fn(&str) -> String,
) -> Result<Response, Problem> {
    let name = panel
        .fleet
        .server(id)
        .map(|server| server.spec().name.to_string())
        .unwrap_or_default();
    let flash = match outcome {
        Ok(Acted {
            outcome: Outcome::AlreadySo,
            ..
        }) => Flash::done(EN.server_already_so(name)),
        Ok(_) => Flash::done(done(&name)),
        Err(error) => Flash::trouble(sentence(&Problem::from(error).detail)),
    };
    let page = format!("/servers/{id}");
    answer::redirect_with(answer::path_of_ours(back).unwrap_or(&page), &flash)
}

pub(super) async fn start(
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
    Form { viewer, form }: Form<Back>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    let permit = viewer.caller.permit(act::StartServer, &*server)?;
    acted(
        &panel,
        id,
        &form.back,
        panel.fleet.start(&permit, None).await,
        |name| EN.server_started(name),
    )
}

pub(super) async fn stop(
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
    Form { viewer, form }: Form<Back>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    let permit = viewer.caller.permit(act::StopServer, &*server)?;
    acted(
        &panel,
        id,
        &form.back,
        panel.fleet.stop(&permit, None).await,
        |name| EN.server_stopped(name),
    )
}

pub(super) async fn restart(
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
    Form { viewer, .. }: Form<Nothing>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    let permit = viewer.caller.permit(act::RestartServer, &*server)?;
    acted(&panel, id, "", panel.fleet.restart(&permit, None).await, |name| {
        EN.server_restarted(name)
    })
}

pub(super) async fn send(
    State(panel): State<Panel>,
    Params(id): Params<ServerId>,
    Form { viewer, form }: Form<NewLine>,
) -> Result<Response, Problem> {
    let server = viewer.caller.found(panel.fleet.server(id))?;
    let permit = viewer.caller.permit(act::SendLine, &*server)?;
    let sent = panel.fleet.send_line(&permit, form.line, None).await;
    acted(&panel, id, "", sent, |name| EN.line_sent(name))
}
