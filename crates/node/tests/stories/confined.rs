//! Stories of servers that try to be more than a server: to stay, to rise, to meet another's things.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::room::{PROBE, Room, done, refused};
use watchroom_model::{OrderOutcome, ServerOrder, ServerStatus};

/// Whether the tests may change to other accounts.
fn are_we_root(room: &Room) -> bool {
    std::fs::metadata(room.path()).unwrap().uid() == 0
}

/// Whether a process with this account is left, zombies aside.
fn lives(uid: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let has = |name: &str, word: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.is_some_and(|line| line.split_whitespace().next() == Some(word))
        };
        has("Uid:", uid) && !has("State:", "Z")
    })
}

#[tokio::test]
async fn what_hides_from_its_mark_is_ended_with_its_server() {
    let room = Room::open().await;
    if !are_we_root(&room) {
        return;
    }
    let spec = room.script(
        "escapes",
        "id -u; (env -i setsid sh -c 'trap \"\" HUP TERM; sleep 4242' &); echo ready; read forever",
    );
    let id = spec.id;
    room.run(spec).await;
    room.until_line(id, "ready").await;
    let uid = room.printed(id).await[0].clone();
    assert!(lives(&uid));
    done(room.order(ServerOrder::Stop(id)).await);
    assert!(!lives(&uid));
}

#[tokio::test]
async fn what_forks_away_faster_than_anybody_looks_is_ended_too() {
    let room = Room::open().await;
    if !are_we_root(&room) {
        return;
    }
    let spec = room.script(
        "runs",
        "id -u; echo '(sh ./run &)' > run; env -i setsid sh ./run; echo ready; read forever",
    );
    let id = spec.id;
    room.run(spec).await;
    room.until_line(id, "ready").await;
    let uid = room.printed(id).await[0].clone();
    done(room.order(ServerOrder::Stop(id)).await);
    assert!(!lives(&uid));
}

#[tokio::test]
async fn a_server_gains_no_privileges_and_inherits_no_descriptors() {
    let room = Room::open().await;
    let spec = room.script(
        "modest",
        "grep -E '^(NoNewPrivs|CapBnd|CapEff):' /proc/self/status; echo fds; ls /proc/$$/fd; \
         echo limit; grep '^Max processes' /proc/self/limits; echo end",
    );
    let id = spec.id;
    // Open in this process and not marked: it would reach every program started from here.
    let leak = std::fs::File::open("/dev/null").unwrap();
    let leaked = heritable(&leak);
    room.run(spec).await;
    room.until_line(id, "end").await;
    let printed = room.printed(id).await;
    drop(leaked);
    let has = |name: &str, value: &str| printed.iter().any(|line| *line == format!("{name}\t{value}"));
    assert!(has("NoNewPrivs:", "1"), "{printed:?}");
    assert!(has("CapEff:", "0000000000000000"), "{printed:?}");
    let lines = printed.iter().map(String::as_str);
    let open: Vec<&str> = lines
        .skip_while(|line| *line != "fds")
        .skip(1)
        .take_while(|line| *line != "limit")
        .collect();
    assert_eq!(open, ["0", "1", "2"]);
    if are_we_root(&room) {
        assert!(has("CapBnd:", "0000000000000000"), "{printed:?}");
        let limits = printed.iter().find(|line| line.starts_with("Max processes"));
        let limits: Vec<&str> = limits.unwrap().split_whitespace().collect();
        assert_eq!(limits[2..4], ["4096", "4096"]);
    }
}

/// A second descriptor of the file, without the mark that closes it to programs.
fn heritable(file: &std::fs::File) -> std::os::fd::OwnedFd {
    let copy = rustix::io::dup(file).unwrap();
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty()).unwrap();
    copy
}

#[tokio::test]
async fn a_folder_belongs_to_one_server() {
    let room = Room::open().await;
    let first = room.script("first", "true");
    let own = first.id.to_string();
    done(room.order(ServerOrder::Create(Box::new(first))).await);
    let mut named = room.script("named", "true");
    named.folder = Some("games/one".into());
    done(room.order(ServerOrder::Create(Box::new(named))).await);
    std::fs::create_dir(room.path().join("servers/games")).unwrap();
    std::os::unix::fs::symlink("games", room.path().join("servers/alias")).unwrap();
    let below = format!("{own}/inner");
    for folder in [
        own.as_str(),
        below.as_str(),
        "games",
        "games/one",
        "games/one/two",
        "alias/one",
    ] {
        let mut spec = room.script("second", "true");
        spec.folder = Some(folder.into());
        let (code, why) = refused(room.order(ServerOrder::Create(Box::new(spec))).await);
        assert_eq!(code, "folder_not_its_own", "{folder}");
        assert!(why.contains("another server"), "{why}");
    }
    let mut spec = room.script("second", "true");
    spec.folder = Some("games/two".into());
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
}

#[tokio::test]
async fn only_a_folder_that_was_just_made_is_given_away() {
    let room = Room::open().await;
    if !are_we_root(&room) {
        return;
    }
    let precious = room.path().join("servers/precious");
    std::fs::create_dir(&precious).unwrap();
    let mut spec = room.script("takes", "true");
    spec.folder = Some("precious".into());
    let id = spec.id;
    done(room.order(ServerOrder::Create(Box::new(spec))).await);
    assert_eq!(
        refused(room.order(ServerOrder::Start(id)).await).0,
        "folder_not_its_own"
    );
    assert_eq!(std::fs::metadata(&precious).unwrap().uid(), 0);

    let mut spec = room.script("deep", "id -u");
    spec.folder = Some("way/to/it".into());
    let id = spec.id;
    room.run(spec).await;
    room.until_status(id, ServerStatus::Stopped).await;
    let uid: u32 = room.printed(id).await[0].parse().unwrap();
    let found = |path: &str| std::fs::metadata(room.path().join("servers").join(path)).unwrap();
    assert_eq!(found("way/to/it").uid(), uid);
    for way in ["way", "way/to"] {
        assert_eq!((found(way).uid(), found(way).mode() & 0o777), (0, 0o711), "{way}");
    }
}

#[tokio::test]
async fn two_agents_of_one_machine_never_give_out_the_same_account() {
    let (one, other) = (Room::open().await, Room::open().await);
    if !are_we_root(&one) {
        return;
    }
    let mut uids = std::collections::BTreeSet::new();
    for room in [&one, &other, &one, &other] {
        let spec = room.script(&format!("server-{}", uids.len()), "id -u");
        let id = spec.id;
        room.run(spec).await;
        room.until_status(id, ServerStatus::Stopped).await;
        uids.insert(room.printed(id).await[0].clone());
    }
    assert_eq!(uids.len(), 4);
}

#[test]
fn an_agent_that_is_not_root_keeps_no_servers_unless_its_rules_say_so() {
    // An account of nobody, below those that servers are given.
    const SOMEBODY: u32 = 60_123;
    let room = Room::empty();
    let probe = room.path().join("probe");
    std::fs::copy(PROBE, &probe).unwrap();
    std::fs::set_permissions(&probe, PermissionsExt::from_mode(0o755)).unwrap();
    let home = room.path().join("home");
    std::fs::create_dir(&home).unwrap();
    if are_we_root(&room) {
        chown(&home, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    let create = |mode: &str| {
        let mut command = Command::new(&probe);
        command.arg(mode).arg(&home).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if are_we_root(&room) {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        let mut agent = command.spawn().unwrap();
        let order = room.envelope(ServerOrder::Create(Box::new(room.script("one", "true"))));
        let mut input = agent.stdin.take().unwrap();
        writeln!(input, "{}", serde_json::to_string(&order).unwrap()).unwrap();
        drop(input);
        let lines: Vec<String> = BufReader::new(agent.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .collect();
        agent.wait().unwrap();
        serde_json::from_str::<OrderOutcome>(&lines[1]).unwrap()
    };
    let (code, why) = refused(create("strict"));
    assert_eq!(code, "same_account_not_allowed");
    assert!(
        why.contains("same_account = true under [rules] in node.toml"),
        "{why}"
    );
    done(create("agent"));
}
