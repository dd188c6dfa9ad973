//! Who a machine is, kept twice: lost copies, forged copies, copies that differ, and what settles them. Each story
//! of a Host is told with its database as a file and on a server.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use watchroom_testkit_postgres::TestDatabase;
use watchroom_trust::NodeKey;

use crate::room::{Ended, Room, end_of, ended, wait_for};

/// A Host that ran once and is stopped, with its node, and the way into its database.
struct Asleep {
    room: Room,
    server: Option<TestDatabase>,
}

impl Asleep {
    fn host(server: Option<TestDatabase>) -> Self {
        let mut room = Room::empty();
        if let Some(server) = &server {
            let configuration = format!("[store]\nurl = \"{}\"\n", server.url());
            fs::write(room.configuration(), configuration).unwrap();
        }
        room.start();
        wait_for("it knows that it is both", || {
            (room.json_of_role()["role"] == "both").then_some(())
        });
        let mut asleep = Self { room, server };
        asleep.stop();
        asleep
    }

    fn stop(&mut self) {
        assert!(self.room.signal(Signal::TERM).0.success());
    }

    fn database(&self, sql: &str) {
        match &self.server {
            Some(server) => server.run(sql),
            None => {
                let file = self.room.state().join("db/watchroom.db");
                rusqlite::Connection::open(file)
                    .unwrap()
                    .execute_batch(sql)
                    .unwrap();
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.room.state().join("role.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Starts again; gives what the machine is and what its audit log says was done to `action`.
    fn awake(&mut self, action: &str) -> (Value, Vec<String>) {
        self.room.start();
        let found = self.room.json(&format!("audit search --action {action}"));
        let told = found["items"].as_array().unwrap().iter();
        let told = told.filter_map(|entry| entry["extra"]["what"].as_str().map(str::to_owned));
        (self.room.json_of_role(), told.collect())
    }

    fn repair(&self, from: &str) -> Ended {
        self.room.run(&["role-file", "repair", "--from", from])
    }

    /// The start is refused with all of these in its words.
    fn refuses(&self, parts: &[&str]) {
        let ended = self.room.refused_up();
        says(&ended, parts);
    }
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.errors.contains(part),
            "{part:?} is not in: {}",
            ended.errors
        );
    }
}

impl Room {
    /// What the API says that this machine is.
    fn json_of_role(&self) -> Value {
        let status = self.json("cluster status");
        let mut role: Value = serde_json::json!({ "cluster_id": status["host"]["cluster_id"] });
        role["role"] = status["host"]["role"]["role"].clone();
        role["node_id"] = status["host"]["role"]["node_id"].clone();
        role
    }
}

/// A line of a statement.
fn line<'a>(text: &'a str, key: &str) -> &'a str {
    let start = format!("{key} = \"");
    let found = text.lines().find_map(|line| line.strip_prefix(&start));
    found.unwrap().trim_end_matches('"')
}

/// The same statement for another node, signed by this machine as the format says.
fn of_another_node(room: &Room, text: &str) -> String {
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("signature"))
        .map(|line| format!("{line}\n"))
        .collect();
    let body = body.replace(line(text, "node_id"), "01890a5d-ac96-774b-bcce-b302099a8057");
    let key = NodeKey::open_or_make(&room.state()).unwrap();
    let signature = key.sign(format!("watchroom role 1\n{body}").as_bytes()).unwrap();
    format!("{body}signature = \"{}\"\n", BASE64.encode(&signature))
}

fn a_lost_copy_is_restored_from_the_other_and_audited(server: Option<TestDatabase>) {
    let mut host = Asleep::host(server);
    let before = host.text();
    fs::remove_file(host.file()).unwrap();
    let (role, told) = host.awake("host.keep_house");
    assert!(
        told.contains(&"restored role.toml from the database".to_owned()),
        "{told:?}"
    );
    assert_eq!(host.text(), before);
    assert_eq!(role["node_id"], line(&before, "node_id"));
    host.stop();

    host.database("DELETE FROM host WHERE key LIKE 'role %'");
    let (role, told) = host.awake("host.keep_house");
    let restored = "restored who this machine is in the database from role.toml";
    assert!(told.contains(&restored.to_owned()), "{told:?}");
    assert_eq!(role["cluster_id"], line(&before, "cluster_id"));
    host.stop();

    // Both at once: what was there before the machine became both is what is left, and it becomes that again.
    host.database("DELETE FROM host WHERE key LIKE 'role %'");
    fs::remove_file(host.file()).unwrap();
    let (_, told) = host.awake("host.keep_house");
    let restored = "restored who this machine is from role.toml.previous";
    assert!(told.contains(&restored.to_owned()), "{told:?}");
    wait_for("it is both again", || {
        (host.room.json_of_role()["role"] == "both").then_some(())
    });
    assert_eq!(line(&host.text(), "node_id"), line(&before, "node_id"));
}

fn copies_that_differ_stop_the_start_and_either_settles_it(server: Option<TestDatabase>) {
    let mut host = Asleep::host(server);
    let before = host.text();
    let other = of_another_node(&host.room, &before);
    fs::write(host.file(), &other).unwrap();
    let both = [
        line(&before, "node_id"),
        line(&other, "node_id"),
        "watchroom role-file repair --from",
    ];
    host.refuses(&both);
    assert_eq!(host.text(), other, "what is refused is left as it is");
    let repaired = host.repair("database");
    assert!(repaired.status.success(), "{}", repaired.errors);
    for part in &both[..2] {
        assert!(repaired.out.contains(part), "{}", repaired.out);
    }
    let (role, told) = host.awake("host.repair_role");
    assert_eq!(role["node_id"], line(&before, "node_id"));
    assert!(told.len() == 1 && told[0].contains(both[1]), "{told:?}");
    let while_it_runs = host.repair("file");
    assert_eq!(while_it_runs.code(), Some(1), "{}", while_it_runs.errors);
    says(&while_it_runs, &["stop it first"]);
    host.stop();

    fs::write(host.file(), &other).unwrap();
    let repaired = host.repair("file");
    assert!(repaired.status.success(), "{}", repaired.errors);
    // The name belongs to the node that it was.
    let configuration = fs::read_to_string(host.room.configuration()).unwrap();
    let named = format!("{configuration}[node]\nname = \"another\"\n");
    fs::write(host.room.configuration(), named).unwrap();
    let (role, told) = host.awake("host.repair_role");
    assert_eq!(role["node_id"], line(&other, "node_id"));
    assert_eq!(told.len(), 2);
    assert!(host.room.done("audit verify").contains("is intact"));
}

fn what_this_machine_has_not_signed_is_shown_and_not_believed(server: Option<TestDatabase>) {
    let mut host = Asleep::host(server);
    let before = host.text();
    let elsewhere = "01890a5d-ac96-774b-bcce-b302099a8058";
    let forged = before.replace(line(&before, "cluster_id"), elsewhere);
    fs::write(host.file(), &forged).unwrap();
    host.refuses(&[
        elsewhere,
        line(&before, "cluster_id"),
        "signature is not by this machine's key",
    ]);
    let of_another_cluster = host.room.run(&["-y", "role-file", "repair", "--from", "file"]);
    assert_eq!(of_another_cluster.code(), Some(1), "{}", of_another_cluster.out);
    says(&of_another_cluster, &[elsewhere, "cluster CA"]);

    for garbage in [&b"role = \"both\""[..], b"", b"\xff\xfe\x00", &[b'a'; 100_000]] {
        fs::write(host.file(), garbage).unwrap();
        host.refuses(&["nothing that can be read", line(&before, "node_id")]);
        assert_eq!(host.repair("file").code(), Some(1));
    }
    // The one in the database is signed as well.
    fs::write(host.file(), &before).unwrap();
    host.database("UPDATE host SET value = replace(value, 'both', 'host') WHERE key LIKE 'role %'");
    host.refuses(&[
        "the database says host of cluster",
        "signature is not by this machine's key",
    ]);
    // Somebody has to say yes to what nobody has signed.
    assert_eq!(host.repair("database").code(), Some(2));
    let repaired = host.repair("file");
    assert!(repaired.status.success(), "{}", repaired.errors);
    assert_eq!(host.awake("host.repair_role").1.len(), 1);
}

fn a_full_disk_loses_no_identity(server: Option<TestDatabase>) {
    let mut host = Asleep::host(server);
    let before = host.text();
    let full = |host: &Asleep, command: Command| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().current_dir(host.room.path());
        shell
    };
    // Nothing is left but what the database knows, and there is no space to write it down again.
    fs::remove_file(host.file()).unwrap();
    let mut command = host.room.command();
    command.args([
        "up",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--node-listen",
        "127.0.0.1:0",
    ]);
    let refused = in_a_pipe(full(&host, command));
    assert!(!refused.0, "{}", refused.1);
    assert!(!host.file().exists());
    let mut command = host.room.command();
    command.args(["role-file", "repair", "--from", "database"]);
    let refused = in_a_pipe(full(&host, command));
    assert!(!refused.0, "{}", refused.1);
    // With space again it is who it was.
    let (role, _) = host.awake("host.keep_house");
    assert_eq!(role["node_id"], line(&before, "node_id"));
    assert_eq!(role["cluster_id"], line(&before, "cluster_id"));
}

/// Runs to the end with its words in pipes, which no limit on files holds up.
fn in_a_pipe(mut command: Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&words).into_owned(),
    )
}

/// Tells each story of a Host on both engines.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_a_file {
            $(#[test] fn $story() { super::$story(None); })+
        }
        mod on_a_server {
            use watchroom_testkit_postgres::TestDatabase;
            $(#[test] fn $story() { super::$story(Some(TestDatabase::fresh())); })+
        }
    };
}

on_both!(
    a_lost_copy_is_restored_from_the_other_and_audited,
    copies_that_differ_stop_the_start_and_either_settles_it,
    what_this_machine_has_not_signed_is_shown_and_not_believed,
    a_full_disk_loses_no_identity,
);

/// A machine that has joined; its Host may stop.
fn joined() -> Room {
    let host = Room::up();
    let invitation = host.json("cluster token create --auto-approve");
    let node = Room::empty();
    let ended = node.run_with(
        &["join", "--name", "attic", "-"],
        invitation["join_url"].as_str().unwrap(),
    );
    assert!(ended.status.success(), "{}", ended.errors);
    node
}

/// Starts its agent, waits until something is so, and stops it.
fn run_agent<T>(node: &Room, what: &str, is_so: impl FnMut() -> Option<T>) -> T {
    let mut command = node.command();
    let mut agent = command
        .args(["node", "--node-listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let found = wait_for(what, is_so);
    kill_process(Pid::from_child(&agent), Signal::TERM).unwrap();
    end_of(&mut agent);
    found
}

/// What the node's own audit says of who the machine is.
fn told(node: &Room) -> Vec<String> {
    let audit = node.json("node audit");
    let entries = audit["items"].as_array().unwrap().iter();
    let what = entries.filter_map(|entry| entry["extra"]["what"].as_str().map(str::to_owned));
    what.collect()
}

#[test]
fn a_node_keeps_who_it_is_in_its_memory_too_and_its_own_audit_tells_what_became_of_it() {
    let node = joined();
    let file = node.state().join("role.toml");
    let before = fs::read_to_string(&file).unwrap();
    assert_eq!(line(&before, "role"), "node");
    assert!(told(&node)[0].starts_with("joined: this machine is node of cluster"));

    fs::remove_file(&file).unwrap();
    run_agent(&node, "the file is back", || file.exists().then_some(()));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let lost = node.state().join("node/journal");
    fs::remove_file(&lost).unwrap();
    let is_longer = || (fs::metadata(&lost).is_ok_and(|found| found.len() > 0)).then_some(());
    run_agent(&node, "the memory is back", is_longer);
    let told_so_far = told(&node);
    assert_eq!(
        told_so_far[1..],
        [
            "restored role.toml from the node's memory",
            "restored who this machine is in the node's memory from role.toml"
        ]
    );

    let start = || {
        let mut command = node.command();
        ended(command.args(["node", "--node-listen", "127.0.0.1:0"]), "")
    };
    let other = of_another_node(&node, &before);
    fs::write(&file, &other).unwrap();
    let refused = start();
    assert_eq!(refused.code(), Some(1));
    says(
        &refused,
        &[
            line(&before, "node_id"),
            line(&other, "node_id"),
            "role-file repair",
        ],
    );
    let repaired = node.run(&["role-file", "repair", "--from", "database"]);
    assert!(repaired.status.success(), "{}", repaired.errors);
    assert_eq!(told(&node).len(), 4);
    // Both agree, and on a node that has no papers here.
    fs::write(&file, &other).unwrap();
    assert!(
        node.run(&["role-file", "repair", "--from", "file"])
            .status
            .success()
    );
    let refused = start();
    says(&refused, &["node/identity.json", line(&other, "node_id")]);
}
