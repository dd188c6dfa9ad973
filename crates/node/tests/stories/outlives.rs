//! Stories of agents that are killed, and of servers that do not notice.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use crate::room::{PROBE, Room, done, is_gapless, kill};
use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use watchroom_link::{Agent, ConsoleFrom};
use watchroom_model::console::ConsoleEvent;
use watchroom_model::{Order, OrderOutcome, RestartPolicy, ServerOrder, ServerReport, ServerStatus};

/// An agent in a process of its own.
struct Killable {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Killable {
    async fn open(room: &Room) -> Self {
        let mut command = Command::new(PROBE);
        command
            .arg("agent")
            .arg(room.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut agent = Self {
            process,
            input,
            output: BufReader::new(output).lines(),
        };
        assert_eq!(agent.answer().await, "open");
        agent
    }

    async fn answer(&mut self) -> String {
        let line = tokio::time::timeout(crate::room::SOON, self.output.next_line()).await;
        line.expect("the agent answers")
            .unwrap()
            .expect("the agent lives")
    }

    async fn say(&mut self, line: &str) {
        self.input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn order(&mut self, room: &Room, order: impl Into<Order>) -> OrderOutcome {
        self.say(&serde_json::to_string(&room.envelope(order)).unwrap())
            .await;
        serde_json::from_str(&self.answer().await).unwrap()
    }

    async fn reports(&mut self) -> Vec<ServerReport> {
        self.say("reports").await;
        serde_json::from_str(&self.answer().await).unwrap()
    }

    /// As `kill -9` would.
    async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

#[tokio::test]
async fn killing_the_agent_five_times_changes_no_pid_and_loses_no_line() {
    let mut room = Room::empty();
    let mut agent = Killable::open(&room).await;
    let mut pids = BTreeMap::new();
    for name in ["one", "two", "three"] {
        let spec = room.script(
            name,
            "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.002; done",
        );
        let id = spec.id;
        done(agent.order(&room, ServerOrder::Create(Box::new(spec))).await);
        pids.insert(
            id,
            done(agent.order(&room, ServerOrder::Start(id)).await)
                .pid
                .unwrap(),
        );
    }
    for _ in 0..5 {
        agent.kill().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = room.ambient.clock.elapsed();
        agent = Killable::open(&room).await;
        let reports = agent.reports().await;
        let took = room.ambient.clock.elapsed().saturating_sub(before);
        assert!(took < Duration::from_secs(10), "adopted after {took:?}");
        let seen: BTreeMap<_, _> = reports
            .iter()
            .map(|report| (report.id, report.pid.unwrap()))
            .collect();
        assert_eq!(seen, pids);
        assert!(
            reports
                .iter()
                .all(|report| report.status == ServerStatus::Running)
        );
    }
    agent.kill().await;
    room.reopen().await;
    for id in pids.keys() {
        done(room.order(ServerOrder::Stop(*id)).await);
        let lines = room.lines(*id).await;
        assert!(is_gapless(&lines) && lines[0].offset == 0);
        let printed = room.printed(*id).await;
        assert!(printed.len() > 100, "{}", printed.len());
        for (number, line) in printed.iter().enumerate() {
            assert_eq!(*line, format!("line {number}"));
        }
    }
}

#[tokio::test]
async fn an_end_while_no_agent_was_there_is_reported_and_the_policy_applies() {
    let mut room = Room::empty();
    let mut agent = Killable::open(&room).await;
    let mut ids = Vec::new();
    for (name, policy) in [
        ("rests", RestartPolicy::Never),
        ("returns", RestartPolicy::OnFailure),
    ] {
        let mut spec = room.script(
            name,
            "echo up; while test ! -e end; do sleep 0.05; done; rm end; exit 7",
        );
        spec.restart_policy = policy;
        ids.push(spec.id);
        done(agent.order(&room, ServerOrder::Create(Box::new(spec))).await);
        done(agent.order(&room, ServerOrder::Start(ids[ids.len() - 1])).await);
    }
    agent.kill().await;
    for id in &ids {
        std::fs::write(room.path().join("servers").join(id.to_string()).join("end"), "").unwrap();
        let exit = room
            .path()
            .join("node/shims")
            .join(id.to_string())
            .join("exit.json");
        while !exit.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    room.reopen().await;
    let rests = room.report(ids[0]);
    assert_eq!((rests.status, rests.exit_code), (ServerStatus::Failed, Some(7)));
    assert!(
        rests.reason.starts_with("exited with code 7 at "),
        "{}",
        rests.reason
    );
    assert_eq!(room.report(ids[1]).exit_code, Some(7));
    room.until_status(ids[1], ServerStatus::Running).await;
}

#[tokio::test]
async fn what_a_person_stopped_stays_stopped_and_what_runs_runs_on() {
    let mut room = Room::open().await;
    let mut specs = [
        room.script("stopped", "sleep 1000"),
        room.script("runs", "sleep 1000"),
    ];
    specs
        .iter_mut()
        .for_each(|spec| spec.restart_policy = RestartPolicy::Always);
    let ids = [specs[0].id, specs[1].id];
    let mut pids = Vec::new();
    for spec in specs {
        pids.push(room.run(spec).await.pid);
    }
    done(room.order(ServerOrder::Stop(ids[0])).await);
    room.reopen().await;
    let stopped = room.report(ids[0]);
    assert_eq!(stopped.status, ServerStatus::Stopped);
    assert!(
        stopped.reason.starts_with("stopped by alice "),
        "{}",
        stopped.reason
    );
    assert_eq!(room.report(ids[1]).pid, pids[1]);
    assert_eq!(room.agent().running(), 1);
}

#[tokio::test]
async fn a_shim_that_died_with_the_agent_leaves_no_rogue() {
    let mut room = Room::empty();
    let mut agent = Killable::open(&room).await;
    let spec = room.script("orphan", "sleep 1000");
    let id = spec.id;
    done(agent.order(&room, ServerOrder::Create(Box::new(spec))).await);
    let pid = done(agent.order(&room, ServerOrder::Start(id)).await)
        .pid
        .unwrap();
    agent.kill().await;
    kill(
        "-KILL",
        &crate::room::running(room.path(), id)["shim"]["pid"].to_string(),
    );
    room.reopen().await;
    let report = room.report(id);
    assert_eq!(report.status, ServerStatus::Failed);
    assert!(report.reason.contains("its shim was killed"), "{}", report.reason);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test]
async fn a_viewer_that_never_reads_neither_slows_a_fast_server_nor_grows_anything() {
    let room = Room::open().await;
    let spec = room.script(
        "fast",
        "yes 'a line of an ordinary length, as servers print them' | head -n 2000000; echo end",
    );
    let id = spec.id;
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
    let mut sleeper = room
        .agent()
        .console(id, ConsoleFrom::Offset(0), true)
        .await
        .unwrap();
    done(room.order(ServerOrder::Start(id)).await);
    room.until_status(id, ServerStatus::Stopped).await;
    let (mut next, mut skipped, mut last) = (0, 0, String::new());
    let read = async {
        while !last.starts_with("exited with code 0") {
            match sleeper.next().await.unwrap() {
                ConsoleEvent::Lines(lines) => {
                    assert_eq!(lines[0].offset, next);
                    assert!(is_gapless(&lines));
                    next += lines.len() as u64;
                    last.clone_from(&lines[lines.len() - 1].text);
                }
                ConsoleEvent::Skipped { from, to } => {
                    assert_eq!(from, next);
                    skipped += to - from;
                    next = to;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), read)
        .await
        .unwrap();
    assert!(skipped > 0, "100 MB do not fit into what is kept");
    assert!(next > 2_000_000);
    let kept = std::fs::read_dir(room.path().join("node/console").join(id.to_string())).unwrap();
    let bytes: u64 = kept.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 40 << 20, "{bytes}");
}

#[tokio::test]
async fn an_order_cut_off_by_the_agents_death_is_finished_once_and_answered_under_its_key() {
    let mut room = Room::empty();
    let mut agent = Killable::open(&room).await;
    let mut spec = room.script(
        "stubborn",
        "trap '' TERM; echo ready; while :; do sleep 0.1; done",
    );
    spec.stop.patience_s = 2;
    let id = spec.id;
    done(agent.order(&room, ServerOrder::Create(Box::new(spec))).await);
    let pid = done(agent.order(&room, ServerOrder::Start(id)).await).pid;
    let restart = room.envelope(ServerOrder::Restart(id));
    agent.say(&serde_json::to_string(&restart).unwrap()).await;
    let journal = room.path().join("node/journal");
    // Written down, and not answered for two seconds.
    while !String::from_utf8_lossy(&std::fs::read(&journal).unwrap()).contains("restarted by alice") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    agent.kill().await;
    room.reopen().await;
    let report = done(room.agent().order(restart.clone()).await);
    assert_eq!(report.status, ServerStatus::Running);
    assert_ne!(report.pid, pid);
    assert_eq!(done(room.agent().order(restart).await), report);
    let lines = room.lines(id).await;
    let starts = lines
        .iter()
        .filter(|line| line.text.starts_with("started as process "))
        .count();
    assert_eq!(starts, 2, "restarted once: {lines:?}");
}

#[tokio::test]
async fn after_a_reboot_what_should_run_is_started_again() {
    let mut room = Room::empty();
    let mut agent = Killable::open(&room).await;
    let mut ids = Vec::new();
    for (name, policy) in [
        ("returns", RestartPolicy::OnFailure),
        ("never", RestartPolicy::Never),
    ] {
        let mut spec = room.script(name, "sleep 1000");
        spec.restart_policy = policy;
        ids.push(spec.id);
        done(agent.order(&room, ServerOrder::Create(Box::new(spec))).await);
        done(agent.order(&room, ServerOrder::Start(ids[ids.len() - 1])).await);
    }
    agent.kill().await;
    for id in &ids {
        // A power cut ends everything at once, and the machine comes back under another boot id.
        let mut paper = crate::room::running(room.path(), *id);
        kill("-KILL", &paper["shim"]["pid"].to_string());
        kill("-KILL", &format!("-{}", paper["server"]["pid"]));
        paper["boot"] = "an earlier one".into();
        let path = room
            .path()
            .join("node/shims")
            .join(id.to_string())
            .join("running.json");
        std::fs::write(path, paper.to_string()).unwrap();
    }
    room.reopen().await;
    let returned = room.until_status(ids[0], ServerStatus::Running).await;
    assert!(
        returned
            .reason
            .starts_with("the machine was restarted; started again at "),
        "{}",
        returned.reason
    );
    assert_eq!(room.report(ids[1]).status, ServerStatus::Failed);
}
