//! `GET /servers/new`, `POST /servers/new`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use watchroom_fleet::servers::NewServer;
use watchroom_kit::{Fault, FieldFault};
use watchroom_model::{Limits, ServerName, StopMethod};
use watchroom_policy::{Resource, ResourceKind, act};
use watchroom_web::{Problem, Query};

use super::no_such_page;
use super::overview::every;
use crate::text::EN;
use crate::view::create::{CreatePage, CreateTyped};
use crate::view::{Faults, Flash, Section, sentence};
use crate::viewer::{Form, Viewer};
use crate::{Panel, answer};

/// Where the form was opened from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FormQuery {
    node: String,
}

pub(super) async fn form(
    viewer: Viewer,
    State(panel): State<Panel>,
    Query(query): Query<FormQuery>,
) -> Result<Response, Problem> {
    let nodes = may_create(&viewer, &panel)?;
    let typed = CreateTyped {
        node: query.node,
        ..CreateTyped::default()
    };
    let shell = viewer.shell(Section::Servers, EN.server_create);
    viewer.page(&CreatePage::new(shell, nodes, &typed, &Faults::default()))
}

/// The nodes on which the viewer may create servers, by id and name; refused if there is none.
fn may_create(viewer: &Viewer, panel: &Panel) -> Result<Vec<(String, String)>, Problem> {
    let principal = viewer.caller.principal();
    let seen = every(|page| panel.fleet.nodes(principal, page)).map_err(no_such_page)?;
    let open = seen.into_iter().filter(|node| {
        panel
            .fleet
            .node(node.id)
            .is_some_and(|node| viewer.may(act::CreateServer, &*node))
    });
    let nodes: Vec<_> = open
        .map(|node| (node.id.to_string(), node.name.to_string()))
        .collect();
    if nodes.is_empty() {
        viewer
            .caller
            .permit(act::CreateServer, &Resource::all(ResourceKind::Server))?;
    }
    Ok(nodes)
}

pub(super) async fn create(
    State(panel): State<Panel>,
    Form { viewer, form: typed }: Form<CreateTyped>,
) -> Result<Response, Problem> {
    let nodes = may_create(&viewer, &panel)?;
    let again = |status: StatusCode, faults: Vec<FieldFault>, flash: Option<Flash>| {
        let mut shell = viewer.shell(Section::Servers, EN.server_create);
        shell.flash = flash.or(shell.flash);
        viewer.page_with(
            status,
            &CreatePage::new(shell, nodes.clone(), &typed, &Faults::new(faults)),
        )
    };
    let new = match wanted(&typed) {
        Ok(new) => new,
        Err(faults) => {
            return again(
                StatusCode::BAD_REQUEST,
                faults,
                Some(Flash::trouble(EN.form_has_faults)),
            );
        }
    };
    let Some(node) = panel.fleet.find_node(viewer.caller.principal(), &typed.node) else {
        let fault = FieldFault::new("node", "unknown", EN.node_unknown);
        return again(StatusCode::BAD_REQUEST, vec![fault], None);
    };
    let permit = viewer.caller.permit(act::CreateServer, &*node)?;
    match panel.fleet.create(&permit, &node, new, None).await {
        Ok(acted) => {
            let flash = Flash::done(EN.server_created(&acted.server.name));
            answer::redirect_with(&format!("/servers/{}", acted.server.id), &flash)
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
            let faults = error.fields().into_iter().map(as_the_form_calls_it).collect();
            again(
                status,
                faults,
                Some(Flash::trouble(sentence(&Problem::from(error).detail))),
            )
        }
    }
}

/// The fault under the name of the form's own field.
fn as_the_form_calls_it(mut fault: FieldFault) -> FieldFault {
    for (ours, theirs) in [
        ("stop_line", "stop.line"),
        ("stop_signal", "stop.signal"),
        ("stop_patience", "stop.patience_s"),
        ("memory_mib", "limits.memory_bytes"),
        ("cpu_percent", "limits.cpu_percent"),
    ] {
        if fault.field == theirs {
            ours.clone_into(&mut fault.field);
        }
    }
    fault
}

/// What was typed as a server, or all that is wrong with it.
fn wanted(typed: &CreateTyped) -> Result<NewServer, Vec<FieldFault>> {
    let mut read = Reading::default();
    let name = typed.name.trim().parse::<ServerName>();
    if let Err(error) = &name {
        read.faults.push(FieldFault::new("name", error.code, error.rule));
    }
    let command = lines(&typed.command);
    if command.is_empty() {
        read.faults
            .push(FieldFault::new("command", "required", EN.command_hint));
    }
    let stop = StopMethod {
        line: text(&typed.stop_line),
        signal: read.word("stop_signal", &typed.stop_signal),
        patience_s: read
            .number("stop_patience", &typed.stop_patience)
            .unwrap_or(StopMethod::default().patience_s),
    };
    let memory_mib: Option<u64> = read.number("memory_mib", &typed.memory_mib);
    let limits = Limits {
        memory_bytes: memory_mib.map(|mib| mib.saturating_mul(1 << 20)),
        cpu_percent: read.number("cpu_percent", &typed.cpu_percent),
        ..Limits::default()
    };
    let (env, labels) = (read.pairs("env", &typed.env), read.pairs("labels", &typed.labels));
    let restart_policy = read.word("restart_policy", &typed.restart_policy);
    match name {
        Ok(name) if read.faults.is_empty() => Ok(NewServer {
            name,
            command,
            node: text(&typed.node),
            env,
            folder: text(&typed.folder),
            run_as: text(&typed.run_as),
            restart_policy,
            breaker: watchroom_model::Breaker::default(),
            stop,
            limits,
            labels,
        }),
        _ => Err(read.faults),
    }
}

/// Reads fields and gathers what is wrong with them.
#[derive(Default)]
struct Reading {
    faults: Vec<FieldFault>,
}

impl Reading {
    fn number<N: std::str::FromStr>(&mut self, field: &str, typed: &str) -> Option<N> {
        let typed = text(typed)?;
        let number = typed.parse().ok();
        if number.is_none() {
            self.faults
                .push(FieldFault::new(field, "number", EN.not_a_number));
        }
        number
    }

    /// A word of an enumeration, by its name in JSON; nothing is the usual one.
    fn word<W: serde::de::DeserializeOwned + Default>(&mut self, field: &str, typed: &str) -> W {
        let Some(typed) = text(typed) else {
            return W::default();
        };
        serde_json::from_value(typed.into()).unwrap_or_else(|_| {
            self.faults
                .push(FieldFault::new(field, "unknown", EN.not_a_choice));
            W::default()
        })
    }

    fn pairs(&mut self, field: &str, typed: &str) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        for line in lines(typed) {
            match line.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    pairs.insert(name.trim().to_owned(), value.to_owned());
                }
                _ => self.faults.push(FieldFault::new(field, "pair", EN.not_a_pair)),
            }
        }
        pairs
    }
}

/// The lines that say something. Browsers end them with CR LF (HTML, form submission).
fn lines(typed: &str) -> Vec<String> {
    typed
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

fn text(typed: &str) -> Option<String> {
    (!typed.trim().is_empty()).then(|| typed.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_model::{RestartPolicy, StopSignal};

    use super::*;

    fn typed() -> CreateTyped {
        CreateTyped {
            name: "minecraft".to_owned(),
            command: "/usr/bin/java\r\n-jar\r\nmy server.jar\r\n".to_owned(),
            ..CreateTyped::default()
        }
    }

    #[test]
    fn a_name_and_a_command_are_enough() {
        let new = wanted(&typed()).unwrap();
        assert_eq!(new.command, ["/usr/bin/java", "-jar", "my server.jar"]);
        assert_eq!(
            (new.restart_policy, new.stop),
            (RestartPolicy::OnFailure, StopMethod::default())
        );
    }

    #[test]
    fn what_is_typed_below_more_is_read() {
        let typed = CreateTyped {
            env: "A=1=2\r\nB=".to_owned(),
            memory_mib: "512".to_owned(),
            stop_signal: "INT".to_owned(),
            restart_policy: "unless-stopped".to_owned(),
            ..typed()
        };
        let new = wanted(&typed).unwrap();
        assert_eq!(
            new.env,
            BTreeMap::from([("A".into(), "1=2".into()), ("B".into(), String::new())])
        );
        assert_eq!(new.limits.memory_bytes, Some(512 << 20));
        assert_eq!(
            (new.stop.signal, new.restart_policy),
            (StopSignal::Int, RestartPolicy::UnlessStopped)
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_at_its_field() {
        let typed = CreateTyped {
            name: "no spaces".to_owned(),
            command: " \r\n".to_owned(),
            env: "nonsense".to_owned(),
            cpu_percent: "-1".to_owned(),
            stop_signal: "KILL".to_owned(),
            ..CreateTyped::default()
        };
        let fields: Vec<_> = wanted(&typed)
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.field)
            .collect();
        assert_eq!(fields, ["name", "command", "stop_signal", "cpu_percent", "env"]);
    }

    proptest! {
        #[test]
        fn nothing_typed_breaks_the_form(name in "\\PC{0,20}", command in "[\\PC\r\n]{0,60}", number in "\\PC{0,8}") {
            let typed = CreateTyped { name, command, memory_mib: number.clone(), stop_patience: number, ..CreateTyped::default() };
            if let Err(faults) = wanted(&typed) {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}
