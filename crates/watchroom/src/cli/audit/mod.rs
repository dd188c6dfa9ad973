//! `watchroom audit`: what was done, and whether the record of it is whole.

mod filter;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;
use watchroom_kit::FaultKind;

use self::filter::Filter;
use super::context::Context;
use crate::failure::Failure;
use crate::output::{Column, Form};

/// Read, export and verify the audit log
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Show the newest entries, the newest last
    #[command(after_help = "Example:\n  watchroom audit tail -n 50")]
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
    },
    /// Find entries, the newest first
    #[command(after_help = "Example:\n  watchroom audit search --user alice --since 2h --result denied")]
    Search {
        #[command(flatten)]
        filter: Filter,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Write entries to standard output: -o jsonl (verifiable) or csv
    #[command(
        after_help = "Example:\n  watchroom audit export > audit.jsonl\n  watchroom audit export -o csv --since 7d > week.csv"
    )]
    Export {
        #[command(flatten)]
        filter: Filter,
    },
    /// Verify the chain of a running Host, or offline that of an exported file; exit code 1 if not intact
    #[command(
        after_help = "Example:\n  watchroom audit verify\n  watchroom audit verify audit.jsonl --public-key 3b6a27bc..."
    )]
    Verify {
        /// An exported file (`-`: standard input)
        file: Option<PathBuf>,
        /// The key that signed it: 64 hexadecimal digits, or a file with them [default: the key in the state folder]
        #[arg(long, value_name = "KEY", requires = "file")]
        public_key: Option<String>,
    },
}

const LIST: &[Column] = &[
    Column::new("TIME", "timestamp"),
    Column::new("TYPE", "event_type"),
    Column::new("USER", "user_name|user"),
    Column::new("ACTION", "action"),
    Column::new("RESOURCE", "resource"),
    Column::new("RESULT", "result"),
    Column::new("ADDRESS", "source_ip"),
];

impl Audit {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Tail { lines } => {
                let mut page = context.client()?.list("/api/audit", &[], lines).await?;
                if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
                    items.truncate(lines);
                    items.reverse();
                }
                context.output.list(&page, LIST)
            }
            Self::Search { filter, limit } => {
                let query = filter.query(&context).await?;
                let page = context.client()?.list("/api/audit", &query, limit).await?;
                context.output.list(&page, LIST)
            }
            Self::Export { filter } => export(context, &filter).await,
            Self::Verify { file: None, .. } => {
                let answer = context
                    .client()?
                    .post("/api/audit/verify", &Value::Object(serde_json::Map::new()))
                    .await?;
                verify::tell(&mut context, &answer)
            }
            Self::Verify {
                file: Some(file),
                public_key,
            } => {
                let key = verify::verifying_key(&context, public_key.as_deref())?;
                let verdict = verify::verify(&file, key)?;
                let answer = serde_json::to_value(verdict).map_err(|error| {
                    Failure::new(
                        FaultKind::Internal,
                        format!("the verdict cannot be written down: {error}"),
                    )
                })?;
                verify::tell(&mut context, &answer)
            }
        }
    }
}

async fn export(mut context: Context, filter: &Filter) -> Result<(), Failure> {
    let (format, accept) = match context.globals.output.unwrap_or(Form::Jsonl) {
        Form::Csv => ("csv", "text/csv"),
        Form::Jsonl => ("jsonl", "application/jsonl"),
        _ => {
            let cause = "an export is written as jsonl or csv";
            return Err(Failure::new(FaultKind::Invalid, cause).next_step("use -o jsonl or -o csv"));
        }
    };
    let mut query = filter.query(&context).await?;
    query.push(("format", format.to_owned()));
    let mut pieces = context
        .client()?
        .stream("/api/audit/export", &query, accept)
        .await?;
    while let Some(piece) = pieces.next().await? {
        context.output.bytes(&piece)?;
    }
    Ok(())
}
