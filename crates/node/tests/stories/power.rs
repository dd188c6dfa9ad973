//! Stories of a machine that goes down and comes back: here a command of the room plays systemd.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::room::{Room, done, refused};
use watchroom_link::Agent;
use watchroom_model::{
    MachineOrder, OrderKind, OrderOutcome, RestartPolicy, ServerId, ServerOrder, ServerStatus, StopMethod,
};
use watchroom_node::{NodeAudit, Power, Rules};

/// A server that writes down when it ends, and runs until it is told to.
const LASTING: &str = "trap 'echo ended; exit 0' TERM; echo up; while :; do sleep 0.05; done";

/// A room whose machine may go down: each time its command is run leaves a line in this file.
async fn room() -> (Room, PathBuf) {
    let mut room = Room::empty();
    let told = room.path().join("told");
    room.power = Power {
        restart: true,
        shutdown: true,
        restart_command: script(&format!("echo restart >> {}", told.display())),
        shutdown_command: script(&format!("echo shutdown >> {}", told.display())),
    };
    room.reopen().await;
    (room, told)
}

fn script(text: &str) -> Vec<String> {
    ["/bin/sh", "-c", text].map(str::to_owned).to_vec()
}

fn times(told: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(told).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn runs(room: &Room, name: &str) -> ServerId {
    let spec = room.script(name, LASTING);
    let id = spec.id;
    room.run(spec).await;
    room.until_line(id, "up").await;
    id
}

#[tokio::test]
async fn servers_are_stopped_in_order_and_run_again_when_the_machine_is_back() {
    let (mut room, told) = room().await;
    let (first, second) = (runs(&room, "first").await, runs(&room, "second").await);
    let idle = room.script("idle", "true");
    let idle_id = idle.id;
    done(room.order(ServerOrder::Create(Box::new(idle))).await);

    let OrderOutcome::GoesDown { stopped, left } = room.order(MachineOrder::Restart).await else {
        panic!("the machine does not go down");
    };
    assert_eq!(
        stopped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["second", "first"],
        "the newest first"
    );
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(times(&told), ["restart"]);
    for id in [first, second] {
        let report = room.report(id);
        assert_eq!(report.status, ServerStatus::Stopped);
        assert_eq!(report.desired, watchroom_model::Desired::Running);
        assert!(
            report
                .reason
                .starts_with("stopped for the machine's restart by alice "),
            "{}",
            report.reason
        );
        assert!(
            room.printed(id).await.contains(&"ended".to_owned()),
            "by its own stop method"
        );
    }
    let (code, why) = refused(room.order(ServerOrder::Start(idle_id)).await);
    assert_eq!(code, "going_down");
    assert!(why.contains("restarted (ordered by alice)"), "{why}");

    room.reopen().await;
    for id in [first, second] {
        let report = room.until_status(id, ServerStatus::Running).await;
        assert!(report.reason.contains("started again at"), "{}", report.reason);
    }
    assert_eq!(room.report(idle_id).status, ServerStatus::Stopped);
    let audit = NodeAudit::read(&room.path().join("node")).unwrap();
    let entry = audit
        .entries
        .iter()
        .find(|entry| entry.action == "machine.restart" && entry.extra["phase"] == "done");
    assert_eq!(
        entry.unwrap().extra["outcome"],
        "goes down; stopped first: second, first"
    );
}

#[tokio::test]
async fn an_order_repeated_over_a_cut_runs_the_command_once() {
    let (mut room, told) = room().await;
    let restart = room.envelope(MachineOrder::Restart);
    let agent = room.agent().clone();
    let (one, two) = tokio::join!(agent.order(restart.clone()), agent.order(restart.clone()));
    assert_eq!(one, two);
    drop(agent);
    room.reopen().await;
    assert_eq!(room.agent().order(restart).await, one, "also by the next agent");
    assert_eq!(times(&told), ["restart"]);
}

#[tokio::test]
async fn the_gate_refuses_by_the_name_of_the_key_that_would_allow_it() {
    let room = Room::open().await;
    let (code, why) = refused(room.order(MachineOrder::Restart).await);
    assert_eq!(code, "power_not_allowed");
    assert!(why.contains("restart = true under [power] in node.toml"), "{why}");
    let (_, why) = refused(room.order(MachineOrder::ShutDown).await);
    assert!(why.contains("shutdown = true under [power]"), "{why}");

    let mut room = Room::empty();
    room.rules = Rules {
        refuse: vec![OrderKind::Power],
        ..room.rules.clone()
    };
    room.power.restart = true;
    room.power.restart_command = script("true");
    room.reopen().await;
    let (code, why) = refused(room.order(MachineOrder::Restart).await);
    assert_eq!(
        (code.as_str(), why.contains("rules.refuse")),
        ("not_allowed_here", true),
        "{why}"
    );
}

#[tokio::test]
async fn a_machine_without_the_means_says_so_before_anything_is_stopped() {
    let mut room = Room::empty();
    room.power.shutdown = true;
    room.power.shutdown_command = vec!["/nowhere/poweroff".to_owned()];
    room.reopen().await;
    let id = runs(&room, "one").await;
    let (code, why) = refused(room.order(MachineOrder::ShutDown).await);
    assert_eq!(code, "power_not_possible");
    assert!(why.contains("/nowhere/poweroff does not exist"), "{why}");
    assert_eq!(room.report(id).status, ServerStatus::Running);
}

#[tokio::test]
async fn a_command_that_fails_is_told_in_its_own_words_and_the_servers_run_again() {
    let mut room = Room::empty();
    room.power.restart = true;
    room.power.restart_command = script("echo the lid is open >&2; exit 3");
    room.reopen().await;
    let id = runs(&room, "one").await;
    let (code, why) = refused(room.order(MachineOrder::Restart).await);
    assert_eq!(code, "power_failed");
    assert!(why.contains("exit status: 3: the lid is open"), "{why}");
    room.until_status(id, ServerStatus::Running).await;
    // What failed may be tried again.
    assert_eq!(refused(room.order(MachineOrder::Restart).await).0, "power_failed");
}

#[tokio::test]
async fn a_descent_that_is_called_off_ends_in_running_servers_and_no_command() {
    let (room, told) = room().await;
    let mut slow = room.script("slow", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    slow.stop = StopMethod {
        patience_s: 3,
        ..StopMethod::default()
    };
    let old = runs(&room, "old").await;
    let slow_id = slow.id;
    room.run(slow).await;
    room.until_line(slow_id, "up").await;
    let new = runs(&room, "new").await;

    let restart = room.envelope(MachineOrder::Restart);
    let agent = room.agent().clone();
    let call_off = async {
        room.until_status(slow_id, ServerStatus::Stopping).await;
        assert_eq!(room.report(new).status, ServerStatus::Stopped);
        room.order(MachineOrder::StayUp).await
    };
    let (outcome, off) = tokio::join!(agent.order(restart), call_off);
    assert!(matches!(off, OrderOutcome::Done { .. }), "{off:?}");
    let (code, why) = refused(outcome);
    assert_eq!(code, "called_off");
    assert!(why.starts_with("called off by alice"), "{why}");
    for id in [old, slow_id, new] {
        room.until_status(id, ServerStatus::Running).await;
    }
    assert!(times(&told).is_empty());
    assert!(
        matches!(
            room.order(MachineOrder::StayUp).await,
            OrderOutcome::AlreadySo { .. }
        ),
        "nothing is left to call off"
    );
}

#[tokio::test]
async fn a_server_that_will_not_end_in_time_is_named_and_holds_nothing_up() {
    let (room, told) = room().await;
    let mut stubborn = room.script("stubborn", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    stubborn.stop.patience_s = 600;
    let id = stubborn.id;
    room.run(stubborn).await;
    room.until_line(id, "up").await;
    let mut shutdown = room.envelope(MachineOrder::ShutDown);
    shutdown.deadline = Duration::from_millis(500);
    let OrderOutcome::GoesDown { stopped, left } = room.agent().order(shutdown).await else {
        panic!("the machine does not go down");
    };
    assert!(stopped.is_empty(), "{stopped:?}");
    assert_eq!(left[0].as_str(), "stubborn");
    assert_eq!(times(&told), ["shutdown"]);
}

#[tokio::test]
async fn what_a_person_stopped_stays_down_and_what_waited_to_be_tried_again_goes_on() {
    let (mut room, _told) = room().await;
    let stopped = runs(&room, "stopped").await;
    done(room.order(ServerOrder::Stop(stopped)).await);
    let mut failing = room.script("failing", "exit 7");
    failing.restart_policy = RestartPolicy::Always;
    failing.breaker.attempts = 1_000;
    let id = failing.id;
    room.run(failing).await;
    room.until(id, |report| report.exit_code == Some(7)).await;
    assert!(matches!(
        room.order(MachineOrder::Restart).await,
        OrderOutcome::GoesDown { .. }
    ));
    room.reopen().await;
    room.until(id, |report| {
        report.status == ServerStatus::Starting || report.status == ServerStatus::Running
    })
    .await;
    let report = room.report(stopped);
    assert_eq!(report.status, ServerStatus::Stopped);
    assert!(report.reason.starts_with("stopped by alice"), "{}", report.reason);
}
