//! The job by command line alone: people, tokens, a server from its creation to its removal, and the audit log
//! of it; and the same over HTTPS with the token.

use serde_json::json;

use crate::residents;
use crate::room::{Room, wait_for};

const ECHO: &str =
    "echo ready; while read line; do echo \"heard $line\"; [ \"$line\" = bye ] && exit 7; done";

#[test]
fn a_server_is_created_run_heard_and_removed_by_command_line() {
    let room = Room::with_alice();
    room.create("echo", ECHO);
    let server = room.json("server show echo");
    assert_eq!(
        (&server["status"], &server["desired"]),
        (&json!("stopped"), &json!("stopped"))
    );

    assert!(room.done("server start echo").starts_with("echo is running"));
    let first = room.until_server("echo", "running")["pid"].as_u64().unwrap();
    assert!(residents::is_alive(first));
    room.done("server send echo hello");
    wait_for("the answer is in the console", || {
        room.done("server logs echo")
            .contains("heard hello")
            .then_some(())
    });
    assert_eq!(room.printed("echo"), ["ready", "heard hello"]);

    room.done("server restart echo");
    let second = room.until_server("echo", "running")["pid"].as_u64().unwrap();
    assert_ne!(first, second);
    assert!(!residents::is_alive(first));

    room.done("server send echo bye");
    assert_eq!(room.until_server("echo", "failed")["exit_code"], 7);
    room.done("server start echo");
    room.until_server("echo", "running");
    room.done("server stop echo");
    let stopped = room.until_server("echo", "stopped");
    assert!(
        stopped["reason"]
            .as_str()
            .unwrap()
            .starts_with("stopped by root (local)"),
        "{stopped}"
    );

    room.done("-y server remove echo");
    assert_eq!(room.json("server list")["items"], json!([]));
    let gone = room.run(&["server", "show", "echo"]);
    assert_eq!(gone.code(), Some(1));
    wait_for("no process of the server is left", || {
        let left = residents::of(&room.state().join("servers"));
        left.is_empty().then_some(())
    });
}

#[test]
fn what_was_done_is_in_the_audit_log_and_the_log_is_intact() {
    let room = Room::with_alice();
    room.token_of("alice");
    room.create("echo", ECHO);
    room.done("server start echo");
    room.done("server stop echo");
    let tail = room.json("audit tail");
    let actions: Vec<_> = tail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    for action in [
        "user.create",
        "token.create",
        "server.create",
        "server.start",
        "server.stop",
    ] {
        assert!(
            actions.contains(&&json!(action)),
            "{action} is not in {actions:?}"
        );
    }
    assert!(room.done("audit verify").contains("is intact"));
    let exported = room.path().join("audit.jsonl");
    std::fs::write(&exported, room.done("audit export -o jsonl")).unwrap();
    let path = exported.to_str().unwrap();
    let verified = room.run(&["audit", "verify", path, "-o", "json"]);
    assert_eq!(verified.code(), Some(0), "{}", verified.errors);
    let text = std::fs::read_to_string(&exported).unwrap();
    std::fs::write(&exported, text.replacen("success", "refused", 1)).unwrap();
    let damaged = room.run(&["audit", "verify", path]);
    assert_eq!(damaged.code(), Some(1), "{}", damaged.out);
}

#[test]
fn the_token_does_the_same_over_https() {
    let room = Room::with_alice();
    let alice = room.stranger().with_token(&room.token_of("alice"));
    let command = ["/bin/sh", "-c", ECHO];
    let created = alice.post("/api/servers", &json!({ "name": "echo", "command": command }));
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["server"]["id"].as_str().unwrap().to_owned();
    let taken = alice.post("/api/servers", &json!({ "name": "echo", "command": command }));
    assert_eq!(taken.status, 409, "{taken:?}");

    let started = alice.post(&format!("/api/servers/{id}/start"), &json!({}));
    assert_eq!(started.status, 200, "{started:?}");
    assert_eq!(room.until_server("echo", "running")["id"], id.as_str());
    let sent = alice.post(&format!("/api/servers/{id}/console"), &json!({ "line": "hello" }));
    assert_eq!(sent.status, 200, "{sent:?}");
    wait_for("the answer is in the console", || {
        let logs = alice.get(&format!("/api/servers/{id}/logs"));
        logs.body.contains("heard hello").then_some(())
    });
    let nodes = alice.get("/api/nodes").json();
    assert_eq!(nodes["items"][0]["status"], "online", "{nodes}");
    assert_eq!(
        alice.post(&format!("/api/servers/{id}/stop"), &json!({})).status,
        200
    );
    assert_eq!(
        alice.ask(&format!("DELETE /api/servers/{id}"), "", "").status,
        204
    );

    assert_eq!(room.stranger().get("/api/nodes").status, 401);
    assert_eq!(
        room.stranger()
            .with_token("wr_pat_wrong")
            .get("/api/nodes")
            .status,
        401
    );
}

#[test]
fn refusals_of_the_command_line_have_their_own_exit_code_and_next_step() {
    let room = Room::with_alice();
    room.add_user("vera", "viewer");
    let token = room.path().join("token");
    std::fs::write(&token, room.token_of("vera")).unwrap();
    let panel = room.endpoint("panel");
    let authority = room.state().join("keys/panel-ca.crt");
    let as_vera = |line: &str| {
        let mut arguments = vec!["--host", &panel, "--token-file", token.to_str().unwrap()];
        arguments.extend(["--ca-file", authority.to_str().unwrap()]);
        arguments.extend(line.split_whitespace());
        room.run(&arguments)
    };
    assert_eq!(
        as_vera("server list").code(),
        Some(0),
        "{}",
        as_vera("server list").errors
    );
    let refused = as_vera("server create mine -- /bin/true");
    assert_eq!(refused.code(), Some(3), "{}", refused.errors);
    assert!(refused.errors.contains("request id: "), "{}", refused.errors);

    let weak = room.run_with(
        &[
            "user",
            "create",
            "bob",
            "--role",
            "viewer",
            "--password-file",
            "-",
        ],
        "secret",
    );
    assert_eq!(weak.code(), Some(2), "{}", weak.errors);
    assert!(weak.errors.contains("password: "), "{}", weak.errors);

    room.create("ghost", ECHO);
    let taken = room.run(&["server", "create", "ghost", "--", "/bin/true"]);
    assert_eq!(taken.code(), Some(1), "{}", taken.errors);
    assert!(taken.errors.contains("ghost"), "{}", taken.errors);
    let absent = room.run(&["server", "create", "absent", "--", "/no/such/program"]);
    let started = room.run(&["server", "start", "absent"]);
    let told = format!("{}{}{}", absent.errors, started.errors, started.out);
    assert!(told.contains("/no/such/program"), "{told}");
}
