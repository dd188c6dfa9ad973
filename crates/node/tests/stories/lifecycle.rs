//! Stories of a server's life: create, start, console, stop, restart, failure, removal.

use crate::room::{Room, done, is_gapless, kill, refused, running, until_line};
use watchroom_link::{Agent, ConsoleFrom};
use watchroom_model::console::Source;
use watchroom_model::{
    Breaker, Desired, Limits, OrderOutcome, RestartPolicy, ServerOrder, ServerStatus, StopMethod,
};

/// What a server that answers runs.
const ECHO: &str = "echo hello; while read line; do echo \"got $line\"; done; echo bye";

#[tokio::test]
async fn a_server_is_created_started_and_spoken_to() {
    let room = Room::open().await;
    let spec = room.script("echo", ECHO);
    let id = spec.id;
    let report = done(room.order(ServerOrder::Create(Box::new(spec))).await);
    assert_eq!(
        (report.status, report.desired),
        (ServerStatus::Stopped, Desired::Stopped)
    );
    let report = done(room.order(ServerOrder::Start(id)).await);
    assert_eq!(report.status, ServerStatus::Running);
    assert!(
        report.reason.starts_with("started by alice "),
        "{}",
        report.reason
    );
    let pid = report.pid.unwrap();
    assert_eq!(room.agent().running(), 1);
    assert_eq!(room.agent().heartbeat().server_count, 1);
    room.until_line(id, "hello").await;
    done(
        room.order(ServerOrder::SendLine {
            id,
            line: "you there".into(),
        })
        .await,
    );
    let lines = room.until_line(id, "got you there").await;
    assert!(
        lines
            .iter()
            .any(|line| line.source == Source::Input && line.text == "you there")
    );
    assert!(
        lines
            .iter()
            .any(|line| line.source == Source::System && line.text == format!("started as process {pid}"))
    );
    assert!(matches!(
        room.order(ServerOrder::Start(id)).await,
        OrderOutcome::AlreadySo { report: Some(_) }
    ));
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_were_written() {
    let room = Room::open().await;
    let odd = [
        "$(touch taken)",
        "`touch taken`",
        "; touch taken",
        "| touch taken",
        "&& touch taken",
        "> taken",
        "$HOME",
        "*",
        "~",
        "a b",
        "'",
        "\"",
        "\\",
        "--",
        "-n",
        "%s%n",
        "",
    ];
    let mut spec = room.script("echo", "");
    spec.command = vec!["/usr/bin/printf".into(), "<%s>\n".into()];
    spec.command.extend(odd.map(str::to_owned));
    let id = spec.id;
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
    room.order(ServerOrder::Start(id)).await;
    room.until(id, |report| report.exit_code == Some(0)).await;
    let printed = room.printed(id).await;
    let wanted: Vec<_> = odd.iter().map(|argument| format!("<{argument}>")).collect();
    assert!(
        printed.windows(wanted.len()).any(|lines| lines == wanted),
        "{printed:?}"
    );
    let folder = room.path().join("servers").join(id.to_string());
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        0,
        "nothing was run besides"
    );
}

#[tokio::test]
async fn a_server_is_restarted_stopped_and_removed() {
    let room = Room::open().await;
    let mut spec = room.script("echo", ECHO);
    spec.stop.signal = watchroom_model::StopSignal::Term;
    let id = spec.id;
    let pid = room.run(spec).await.pid;
    let report = done(room.order(ServerOrder::Restart(id)).await);
    assert_eq!(report.status, ServerStatus::Running);
    assert_ne!(report.pid, pid);
    let report = done(room.order(ServerOrder::Stop(id)).await);
    assert_eq!(
        (report.status, report.desired, report.exit_code),
        (ServerStatus::Stopped, Desired::Stopped, Some(143))
    );
    assert!(
        report.reason.starts_with("stopped by alice "),
        "{}",
        report.reason
    );
    assert!(matches!(
        room.order(ServerOrder::Stop(id)).await,
        OrderOutcome::AlreadySo { .. }
    ));
    assert_eq!(
        refused(room.order(ServerOrder::SendLine { id, line: "x".into() }).await).0,
        "not_running"
    );
    let lines = room.lines(id).await;
    assert!(is_gapless(&lines) && lines[0].offset == 0);

    assert_eq!(
        room.order(ServerOrder::Remove(id)).await,
        OrderOutcome::Done { report: None }
    );
    assert_eq!(
        refused(room.order(ServerOrder::Start(id)).await).0,
        "no_such_server"
    );
    assert!(
        room.path().join("servers").join(id.to_string()).is_dir(),
        "its folder stays"
    );
}

#[tokio::test]
async fn a_stop_asks_by_line_then_by_signal_then_kills() {
    let room = Room::open().await;
    let mut polite = room.script(
        "polite",
        "while read line; do test \"$line\" = quit && exit 0; done",
    );
    polite.stop = StopMethod {
        line: Some("quit".into()),
        patience_s: 30,
        ..StopMethod::default()
    };
    let mut stubborn = room.script(
        "stubborn",
        "trap '' TERM; echo ready; while :; do sleep 0.1; done",
    );
    stubborn.stop.patience_s = 1;
    let (polite, stubborn) = {
        let ids = (polite.id, stubborn.id);
        room.run(polite).await;
        room.run(stubborn).await;
        ids
    };
    room.until_line(stubborn, "ready").await;
    let (first, second) = tokio::join!(
        room.order(ServerOrder::Stop(polite)),
        room.order(ServerOrder::Stop(stubborn))
    );
    assert_eq!(done(first).exit_code, Some(0));
    let killed = done(second);
    assert_eq!(killed.exit_code, Some(137));
    assert!(killed.reason.ends_with("killed after 1 s"), "{}", killed.reason);
}

#[tokio::test]
async fn a_slow_stop_is_reported_as_stopping_until_it_is_gone() {
    let room = Room::open().await;
    let mut spec = room.script("slow", "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    spec.stop.patience_s = 3;
    let id = spec.id;
    room.run(spec).await;
    room.until_line(id, "ready").await;
    let mut envelope = room.envelope(ServerOrder::Stop(id));
    envelope.deadline = std::time::Duration::from_millis(200);
    assert_eq!(
        done(room.agent().order(envelope).await).status,
        ServerStatus::Stopping
    );
    room.until_status(id, ServerStatus::Stopped).await;
}

#[tokio::test]
async fn a_crash_loop_opens_the_breaker_and_a_person_closes_it() {
    let room = Room::open().await;
    let mut spec = room.script("crashes", "exit 3");
    spec.restart_policy = RestartPolicy::OnFailure;
    spec.breaker = Breaker {
        attempts: 1,
        interval_s: 60,
        delay_s: 300,
    };
    let id = spec.id;
    room.run(spec).await;
    let waiting = room.until_status(id, ServerStatus::Starting).await;
    assert!(
        waiting.reason.contains("exited with code 3 at ") && waiting.reason.ends_with("restarting in 1 s")
    );
    let open = room.until_status(id, ServerStatus::CrashLoop).await;
    assert!(
        open.reason.starts_with("crash-loop breaker open until "),
        "{}",
        open.reason
    );
    assert_eq!((open.exit_code, open.desired), (Some(3), Desired::Running));
    done(room.order(ServerOrder::Start(id)).await);
    room.until_status(id, ServerStatus::Starting).await;
    let stopped = done(room.order(ServerOrder::Stop(id)).await);
    assert_eq!(stopped.status, ServerStatus::Stopped);
}

#[tokio::test]
async fn a_clean_end_is_rest_and_a_failed_one_is_failure() {
    let room = Room::open().await;
    let (clean, failed) = (
        room.script("clean", "echo done"),
        room.script("failed", "kill -9 $$"),
    );
    let ids = (clean.id, failed.id);
    room.run(clean).await;
    room.run(failed).await;
    assert_eq!(
        room.until_status(ids.0, ServerStatus::Stopped).await.exit_code,
        Some(0)
    );
    let failed = room.until_status(ids.1, ServerStatus::Failed).await;
    assert_eq!(failed.exit_code, Some(137));
    assert!(
        failed.reason.starts_with("ended by signal 9 at "),
        "{}",
        failed.reason
    );
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_by_name() {
    let room = Room::open().await;
    let mut spec = room.script("missing", "");
    spec.command = vec!["/no/such/program".into()];
    let (code, why) = refused(room.order(ServerOrder::Create(Box::new(spec.clone()))).await);
    assert_eq!(code, "no_such_program");
    assert!(why.contains("/no/such/program does not exist"), "{why}");

    // One in the server's own folder may come later, and until then a start is refused.
    spec.command = vec!["./no-such-program".into()];
    let id = spec.id;
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
    let (code, why) = refused(room.order(ServerOrder::Start(id)).await);
    assert_eq!(code, "no_such_program");
    assert!(why.contains("./no-such-program does not exist"), "{why}");
    let report = room.report(id);
    assert_eq!(
        (report.status, report.desired),
        (ServerStatus::Failed, Desired::Stopped)
    );
    assert!(report.reason.starts_with("cannot start: "), "{}", report.reason);
}

#[tokio::test]
async fn nothing_of_a_server_outlives_it() {
    let room = Room::open().await;
    let spec = room.script(
        "forks",
        "setsid sleep 1000 & echo $!; sleep 1000 & echo $!; echo ready; exit 0",
    );
    let id = spec.id;
    room.run(spec).await;
    room.until_status(id, ServerStatus::Stopped).await;
    for pid in room
        .printed(id)
        .await
        .iter()
        .filter_map(|line| line.parse::<u32>().ok())
    {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }
}

#[tokio::test]
async fn a_server_whose_shim_is_killed_is_ended_and_the_reason_says_so() {
    let room = Room::open().await;
    let spec = room.script("orphan", "echo ready; while :; do sleep 0.1; done");
    let id = spec.id;
    let pid = room.run(spec).await.pid.unwrap();
    room.until_line(id, "ready").await;
    kill("-KILL", &running(room.path(), id)["shim"]["pid"].to_string());
    let report = room.until_status(id, ServerStatus::Failed).await;
    assert!(report.reason.contains("its shim was killed"), "{}", report.reason);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test]
async fn limits_are_held_and_what_is_not_held_is_said() {
    let room = Room::open().await;
    let mut spec = room.script("limited", "ulimit -n; ulimit -v; ulimit -H -n");
    let memory_bytes = Some(256 << 20);
    spec.limits = Limits {
        memory_bytes,
        cpu_percent: Some(50),
        processes: None,
        open_files: Some(77),
    };
    let id = spec.id;
    let report = room.run(spec).await;
    assert!(
        report.limited_by.starts_with("rlimit (processor time"),
        "{}",
        report.limited_by
    );
    room.until_status(id, ServerStatus::Stopped).await;
    assert_eq!(room.printed(id).await[..2], ["77", "262144"]);
}

#[tokio::test]
async fn two_viewers_see_the_same_and_one_comes_back_where_it_left() {
    let room = Room::open().await;
    let spec = room.script(
        "prints",
        "for i in 1 2 3; do echo line $i; done; read go; echo line 4; echo end; sleep 1000",
    );
    let id = spec.id;
    room.run(spec).await;
    let first = room.until_line(id, "line 3").await;
    let from = ConsoleFrom::Offset(first.last().unwrap().offset + 1);
    let back = room.agent().console(id, from, true).await.unwrap();
    let other = room
        .agent()
        .console(id, ConsoleFrom::Last(2), true)
        .await
        .unwrap();
    done(
        room.order(ServerOrder::SendLine {
            id,
            line: "go".into(),
        })
        .await,
    );
    let (back, other) = tokio::join!(until_line(back, "end"), until_line(other, "end"));
    let whole: Vec<_> = first.into_iter().chain(back).collect();
    assert!(is_gapless(&whole) && is_gapless(&other));
    assert!(whole.ends_with(&other[other.len() - 3..]));
}
