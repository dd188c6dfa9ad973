//! Plays the agent and the shim in the tests, as the real binary does.
//!
//! `shim <folder>` is the shim. `agent <room>` (or `strict <room>`, by the rules as they are by default) opens a supervisor in that folder, says `open`, and then
//! answers each line of standard input: an envelope with its outcome, `reports` with all reports.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchroom_kit::Ambient;
use watchroom_link::{Agent, Envelope};
use watchroom_node::{Fail2ban, Power, Rules, Settings, Supervisor, shim_main};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    match (arguments.next(), arguments.next()) {
        (Some(mode), Some(folder)) if mode.as_os_str() == "shim" => shim_main(&folder),
        (Some(mode), Some(room)) if mode.as_os_str() == "agent" => exit_code(&agent(&room, true)),
        (Some(mode), Some(room)) if mode.as_os_str() == "strict" => exit_code(&agent(&room, false)),
        _ => ExitCode::from(2),
    }
}

fn exit_code(ran: &Result<(), Box<dyn Error>>) -> ExitCode {
    if ran.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn agent(room: &Path, same_account: bool) -> Result<(), Box<dyn Error>> {
    let settings = Settings {
        name: "probe".parse()?,
        state: room.join("node"),
        servers: room.join("servers"),
        runtime: room.join("run"),
        program: std::env::current_exe()?,
        port: 0,
        rules: Rules {
            same_account,
            ..Rules::default()
        },
        power: Power::default(),
        fail2ban: Fail2ban::default(),
    };
    tokio::runtime::Runtime::new()?.block_on(serve(settings))
}

/// Blocks its own thread on standard input; the supervisor's work goes on in the runtime's others.
async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let supervisor = Supervisor::open(settings, Ambient::system()).await?;
    let mut out = io::stdout();
    out.write_all(b"open\n")?;
    for line in io::stdin().lines() {
        let line = line?;
        let mut answer = if line == "reports" {
            serde_json::to_string(&supervisor.reports().0)?
        } else {
            serde_json::to_string(&supervisor.order(serde_json::from_str::<Envelope>(&line)?).await)?
        };
        answer.push('\n');
        out.write_all(answer.as_bytes())?;
    }
    supervisor.close().await;
    Ok(())
}
