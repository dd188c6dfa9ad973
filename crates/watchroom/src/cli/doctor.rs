//! `watchroom doctor`: this installation against the hardening list.

use clap::Args;
use serde_json::{Value, json};
use watchroom_kit::FaultKind;
use watchroom_web::{Check, Finding};

use super::context::Context;
use crate::doctor::machine;
use crate::failure::Failure;
use crate::output::Column;

/// Check this installation against the hardening list, with evidence and the fix
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 1 if something is bad, and with --strict if anything is to be done.\n\n\
                  Example:\n  watchroom doctor\n  watchroom doctor --json --strict"
)]
pub(super) struct Doctor {
    /// Print JSON (the same as -o json)
    #[arg(long)]
    json: bool,
    /// Fail on warnings and advice too
    #[arg(long)]
    strict: bool,
}

/// The exit code of a Host that does not answer.
const UNREACHABLE: u8 = 4;

const LIST: &[Column] = &[
    Column::new("CHECK", "id"),
    Column::new("FINDING", "finding"),
    Column::new("SEEN", "evidence"),
    Column::new("NEXT STEP", "next_step"),
];

impl Doctor {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let checks = match asked(&context).await {
            Ok(checks) => checks,
            // A Host elsewhere that cannot be reached is no reason to look at this machine.
            Err(failure) if failure.exit_code() == UNREACHABLE && context.globals.host.is_none() => {
                alone(&context)?
            }
            Err(failure) => return Err(failure),
        };
        if self.json {
            context.output.whole(&checks)?;
        } else {
            context.output.list(&checks, LIST)?;
        }
        let count = |finding: &str| {
            let items = checks.get("items").and_then(Value::as_array);
            let is_so = |item: &&Value| item.get("finding").and_then(Value::as_str) == Some(finding);
            items.map_or(0, |items| items.iter().filter(is_so).count())
        };
        let (bad, warnings, advice) = (count("bad"), count("warning"), count("advice"));
        if bad > 0 || self.strict && warnings + advice > 0 {
            return Err(Failure::found(format!(
                "{bad} checks are bad, {warnings} warn, {advice} advise"
            )));
        }
        Ok(())
    }
}

async fn asked(context: &Context) -> Result<Value, Failure> {
    Ok(context.client()?.get("/api/security/doctor", &[]).await?)
}

/// What can be seen without a Host.
fn alone(context: &Context) -> Result<Value, Failure> {
    let missing = Check::found(
        "host",
        Finding::Warning,
        "no Host answers on this machine, so only files and machine were looked at",
        "start it: `watchroom up` or `watchroom host`",
    );
    let mut checks = vec![missing];
    checks.append(&mut machine::examine(&context.state()?));
    let items = serde_json::to_value(checks).map_err(|error| {
        Failure::new(
            FaultKind::Internal,
            format!("the checks cannot be shown: {error}"),
        )
    })?;
    Ok(json!({ "items": items, "next_cursor": null }))
}
