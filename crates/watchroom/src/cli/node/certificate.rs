//! `watchroom node certificate`: the papers of this machine's node as other programs read them.

use clap::Args;
use data_encoding::BASE64;
use serde_json::json;
use watchroom_kit::FaultKind;

use crate::cli::context::Context;
use crate::failure::Failure;
use crate::node_identity::{Certificate as Paper, NodeIdentity};
use crate::output::Form;

/// Characters in a line of PEM (RFC 7468).
const LINE: usize = 64;

#[derive(Debug, Args)]
pub(in crate::cli) struct Certificate {
    /// Print the cluster CAs that it trusts instead
    #[arg(long, conflicts_with = "host_name")]
    authorities: bool,
    /// Print the name by which it knows its Host instead
    #[arg(long)]
    host_name: bool,
}

impl Certificate {
    pub(in crate::cli) fn run(self, mut context: Context) -> Result<(), Failure> {
        let state = context.state()?;
        let papers = NodeIdentity::read(&state)?.ok_or_else(|| {
            let cause = format!("no node is enrolled on {}", state.display());
            Failure::new(FaultKind::NotFound, cause).next_step("join a Host with `watchroom join -` first")
        })?;
        let shown = if self.host_name {
            papers.cluster.host_name()
        } else if self.authorities {
            pem(&papers.authorities)
        } else {
            pem(&papers.chain)
        };
        if context.output.form() != Form::Table {
            return context.output.whole(&json!({ "shown": shown }));
        }
        shown.lines().try_for_each(|line| context.output.line(line))
    }
}

fn pem(certificates: &[Paper]) -> String {
    let section = |one: &Paper| {
        let text = BASE64.encode(one.der());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(LINE)
            .map(String::from_utf8_lossy)
            .collect();
        let lines = lines.join("\n");
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    };
    certificates.iter().map(section).collect()
}
