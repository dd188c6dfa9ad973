//! `watchroom server logs`, `attach` and `send`.

mod follow;
mod pages;

use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use uuid::Uuid;
use watchroom_kit::FaultKind;
use watchroom_model::console::{ConsoleEvent, Line, Source};

use self::follow::Follow;
use self::pages::{Begin, Pages};
use super::Which;
use super::find::find;
use crate::cli::context::Context;
use crate::cli::duration;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Form;

/// Lines printed when nobody says how many.
const USUAL: u64 = 500;
/// How long a script that has sent its last line waits for more answers.
const QUIET: Duration = Duration::from_secs(1);
/// Lines shown when one attaches.
const SHOWN_FIRST: u64 = 100;

/// Print a server's console
#[derive(Debug, Args)]
pub(in crate::cli) struct Logs {
    #[command(flatten)]
    which: Which,
    /// Only the last lines [default: 500]
    #[arg(short = 'n', long, value_name = "COUNT")]
    lines: Option<u64>,
    /// Only of the last while (such as 10m)
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with = "lines")]
    since: Option<Duration>,
    /// All lines that are kept
    #[arg(long, conflicts_with_all = ["lines", "since"])]
    all: bool,
    /// Go on as new lines come
    #[arg(short, long)]
    follow: bool,
    /// Put the time before each line
    #[arg(short, long)]
    timestamps: bool,
}

/// Follow a server's console and send lines to it
#[derive(Debug, Args)]
pub(in crate::cli) struct Attach {
    #[command(flatten)]
    which: Which,
}

/// Send one line to a server
#[derive(Debug, Args)]
pub(in crate::cli) struct Send {
    #[command(flatten)]
    which: Which,
    /// The line
    line: String,
}

impl Logs {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let id = find(&client, &self.which).await?;
        let begin = match self.since {
            Some(since) => Begin::At(context.ambient.now() - since),
            None if self.all => Begin::Oldest,
            None => Begin::Last(self.lines.unwrap_or(USUAL)),
        };
        let mut pages = Pages::open(client.clone(), id, begin).await?;
        while let Some(lines) = pages.next().await? {
            for line in &lines {
                print(&mut context, line, self.timestamps)?;
            }
        }
        if !self.follow {
            return Ok(());
        }
        let mut follow = Follow::from(client, id, pages.next_offset(), &context.ambient);
        loop {
            let event = follow.next().await?;
            show(&mut context, &event, self.timestamps)?;
        }
    }
}

impl Attach {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let id = find(&client, &self.which).await?;
        let mut follow = Follow::last(client.clone(), id, SHOWN_FIRST, &context.ambient);
        let mut typed = typed_lines();
        let is_terminal = io::stdin().is_terminal();
        let mut is_over = false;
        loop {
            tokio::select! {
                event = follow.next() => show(&mut context, &event?, false)?,
                line = typed.recv(), if !is_over => match line {
                    Some(line) => send(&client, id, &line?).await.map(drop)?,
                    None if is_terminal => return Ok(()),
                    None => is_over = true,
                },
                // Made anew after each event: it ends the wait only once nothing came for that long.
                () = tokio::time::sleep(QUIET), if is_over => return Ok(()),
            }
        }
    }
}

impl Send {
    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let client = context.client()?;
        let id = find(&client, &self.which).await?;
        let answer = send(&client, id, &self.line).await?;
        context
            .output
            .done(&format!("Sent to {}.", self.which.server), &answer)
    }
}

async fn send(client: &Client, id: Uuid, line: &str) -> Result<Value, Failure> {
    Ok(client
        .order(&format!("/api/servers/{id}/console"), &json!({ "line": line }))
        .await?)
}

fn show(context: &mut Context, event: &ConsoleEvent, timestamps: bool) -> Result<(), Failure> {
    match event {
        ConsoleEvent::Lines(lines) => lines.iter().try_for_each(|line| print(context, line, timestamps)),
        ConsoleEvent::Skipped { from, to } => {
            context.remark(&format!("({} lines were skipped)", to.saturating_sub(*from)));
            Ok(())
        }
    }
}

/// One line of a console: as text, or as one JSON value where a program reads.
fn print(context: &mut Context, line: &Line, timestamps: bool) -> Result<(), Failure> {
    let text = &line.text;
    let marked = match line.source {
        Source::Stdout | Source::Stderr => text.clone(),
        Source::Input => format!("> {text}"),
        Source::System => format!("-- {text}"),
    };
    match context.output.form() {
        Form::Table if timestamps => {
            let at = line.at.format(&Rfc3339).unwrap_or_else(|_| line.at.to_string());
            context.output.line(&format!("{at} {marked}"))
        }
        Form::Table => context.output.line(&marked),
        _ => {
            let value = serde_json::to_value(line).map_err(|error| unreadable(&error))?;
            context.output.json_line(&value)
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(
        FaultKind::Internal,
        format!("the Host sent console lines that cannot be read: {error}"),
    )
    .next_step("use the same version of watchroom here as on the Host")
}

/// Lines from standard input. Reading blocks, so that it has a thread of its own until the program ends.
fn typed_lines() -> mpsc::Receiver<Result<String, Failure>> {
    let (typed, lines) = mpsc::channel(16);
    drop(tokio::task::spawn_blocking(move || {
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|error| {
                Failure::new(FaultKind::Invalid, format!("cannot read standard input: {error}"))
            });
            let is_broken = line.is_err();
            if typed.blocking_send(line).is_err() || is_broken {
                return;
            }
        }
    }));
    lines
}
