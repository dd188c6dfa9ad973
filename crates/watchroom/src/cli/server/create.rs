//! `watchroom server create`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::cli::context::Context;
use crate::cli::{bytes, duration, pairs};
use crate::failure::Failure;

/// Create a server
#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// What it is called: letters, digits, _ and -
    name: String,
    /// On which node [default: the Host's own]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Its working folder below the node's server root [default: one of its own]
    #[arg(long, value_name = "DIR")]
    folder: Option<String>,
    /// The account it runs as [default: an unprivileged one of its own]
    #[arg(long, value_name = "ACCOUNT")]
    run_as: Option<String>,
    /// Add to its environment; secrets belong into --env-file; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::parse)]
    env: Vec<(String, String)>,
    /// Add the KEY=VALUE lines of this file to its environment
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// When it is started again by itself [default: on-failure]
    #[arg(long, value_name = "POLICY")]
    restart_policy: Option<Policy>,
    /// The console line that asks it to stop
    #[arg(long, value_name = "LINE")]
    stop_line: Option<String>,
    /// The signal that asks it to stop [default: TERM]
    #[arg(long, value_name = "SIGNAL", ignore_case = true)]
    stop_signal: Option<Signal>,
    /// How long it may take to stop before it is killed [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    stop_patience: Option<Duration>,
    /// Most memory, such as 512M or 4G
    #[arg(long, value_name = "SIZE", value_parser = bytes::parse)]
    memory: Option<u64>,
    /// Most processor time in hundredths of one core
    #[arg(long, value_name = "PERCENT")]
    cpu: Option<u32>,
    /// Most processes and threads
    #[arg(long, value_name = "COUNT")]
    processes: Option<u32>,
    /// Most open files
    #[arg(long, value_name = "COUNT")]
    open_files: Option<u32>,
    /// A label; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pairs::parse)]
    labels: Vec<(String, String)>,
    /// The program and its arguments, after `--`; no shell reads them
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    Never,
    OnFailure,
    Always,
    UnlessStopped,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signal {
    #[value(name = "TERM")]
    Term,
    #[value(name = "INT")]
    Int,
    #[value(name = "HUP")]
    Hup,
    #[value(name = "QUIT")]
    Quit,
}

fn word(value: &impl ValueEnum) -> Option<Value> {
    value
        .to_possible_value()
        .map(|value| Value::from(value.get_name()))
}

impl Create {
    /// What `POST /api/servers` takes; what was not given is left out, so that the Host's defaults hold.
    pub(super) fn body(&self) -> Result<Value, Failure> {
        let mut env = match &self.env_file {
            Some(file) => pairs::read(file)?,
            None => std::collections::BTreeMap::new(),
        };
        env.extend(self.env.iter().cloned());
        let labels: std::collections::BTreeMap<_, _> = self.labels.iter().cloned().collect();
        let limits = object([
            ("memory_bytes", self.memory.map(Value::from)),
            ("cpu_percent", self.cpu.map(Value::from)),
            ("processes", self.processes.map(Value::from)),
            ("open_files", self.open_files.map(Value::from)),
        ]);
        let stop = object([
            ("line", self.stop_line.clone().map(Value::from)),
            ("signal", self.stop_signal.as_ref().and_then(word)),
            (
                "patience_s",
                self.stop_patience.map(|patience| Value::from(patience.as_secs())),
            ),
        ]);
        let body = object([
            ("name", Some(Value::from(self.name.clone()))),
            ("command", Some(json!(self.command))),
            ("node", self.node.clone().map(Value::from)),
            ("folder", self.folder.clone().map(Value::from)),
            ("run_as", self.run_as.clone().map(Value::from)),
            ("restart_policy", self.restart_policy.as_ref().and_then(word)),
            ("env", (!env.is_empty()).then(|| json!(env))),
            ("labels", (!labels.is_empty()).then(|| json!(labels))),
            ("limits", (!limits.is_empty()).then_some(Value::Object(limits))),
            ("stop", (!stop.is_empty()).then_some(Value::Object(stop))),
        ]);
        Ok(Value::Object(body))
    }

    pub(super) async fn run(self, mut context: Context) -> Result<(), Failure> {
        let body = self.body()?;
        let answer = context.client()?.order("/api/servers", &body).await?;
        let sentence = format!(
            "{} was created; `watchroom server start {}` starts it",
            self.name, self.name
        );
        context.output.done(&sentence, &answer)
    }
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        create: Create,
    }

    fn body(line: &[&str]) -> Value {
        let line = ["create"].iter().chain(line);
        Line::try_parse_from(line).unwrap().create.body().unwrap()
    }

    #[test]
    fn only_what_was_said_is_sent() {
        assert_eq!(
            body(&["echo", "--", "/bin/cat"]),
            json!({"name": "echo", "command": ["/bin/cat"]})
        );
    }

    #[test]
    fn everything_that_can_be_said_takes_the_shape_the_model_reads() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("env");
        std::fs::write(&file, "# comment\n\nKEY=from=file\nSAME=file\n").unwrap();
        let body = body(&[
            "mc",
            "--node",
            "attic",
            "--folder",
            "mc",
            "--env",
            "SAME=flag",
            "--env-file",
            file.to_str().unwrap(),
            "--restart-policy",
            "unless-stopped",
            "--stop-line",
            "stop",
            "--stop-signal",
            "int",
            "--stop-patience",
            "1m",
            "--memory",
            "4G",
            "--cpu",
            "150",
            "--label",
            "a=b",
            "--",
            "java",
            "-jar",
            "server.jar",
        ]);
        assert_eq!(body["env"], json!({"KEY": "from=file", "SAME": "flag"}));
        assert_eq!(body["command"], json!(["java", "-jar", "server.jar"]));
        let limits: watchroom_model::Limits = serde_json::from_value(body["limits"].clone()).unwrap();
        assert_eq!(
            (limits.memory_bytes, limits.cpu_percent),
            (Some(4 << 30), Some(150))
        );
        let stop: watchroom_model::StopMethod = serde_json::from_value(body["stop"].clone()).unwrap();
        assert_eq!(
            (stop.signal, stop.patience_s),
            (watchroom_model::StopSignal::Int, 60)
        );
        let policy: watchroom_model::RestartPolicy =
            serde_json::from_value(body["restart_policy"].clone()).unwrap();
        assert_eq!(policy, watchroom_model::RestartPolicy::UnlessStopped);
    }

    #[test]
    fn a_command_is_wanted_behind_the_dashes() {
        assert!(Line::try_parse_from(["create", "echo"]).is_err());
        assert!(Line::try_parse_from(["create", "echo", "/bin/cat"]).is_err());
    }
}
