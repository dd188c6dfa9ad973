//! Stories of the program as scripts meet it: the real binary, its output and its exit codes.

#![expect(clippy::unwrap_used, reason = "a room that cannot be made fails its test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn open() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the program on a state folder and a configuration of this room alone.
    fn run(&self, line: &str) -> Output {
        let config = self.path().join("watchroom.toml");
        if !config.exists() {
            fs::write(&config, "").unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchroom"));
        command
            .arg("--state")
            .arg(self.path().join("state"))
            .arg("--config")
            .arg(config);
        command
            .args(line.split_whitespace())
            .env_clear()
            .stdin(Stdio::null())
            .current_dir(self.path());
        command.output().unwrap()
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(line);
        assert!(output.status.success(), "{}", errors(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_a_host_every_client_command_exits_with_4_and_the_next_step() {
    let room = Room::open();
    for line in [
        "server list",
        "node list",
        "user show alice",
        "token list",
        "audit tail",
        "server logs x -f",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(4), "{line}: {}", errors(&output));
        let errors = errors(&output);
        assert!(
            errors.starts_with("error: no Host runs on this state folder"),
            "{errors}"
        );
        assert!(errors.contains("start it with `watchroom up`"), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_wrong_configuration_exits_with_2_and_names_each_line() {
    let room = Room::open();
    fs::write(
        room.path().join("watchroom.toml"),
        "[host]\nlisten = 7\nlisen = 1\n",
    )
    .unwrap();
    let output = room.run("config check");
    assert_eq!(output.status.code(), Some(2));
    let errors = errors(&output);
    assert!(
        errors.starts_with("error: the configuration has 2 problems\n"),
        "{errors}"
    );
    assert!(errors.contains("watchroom.toml:2: host.listen: "), "{errors}");
    assert!(
        errors.contains("watchroom.toml:3: host.lisen: unknown key; did you mean host.listen?"),
        "{errors}"
    );
}

#[test]
fn a_right_configuration_is_shown_with_its_origins() {
    let room = Room::open();
    fs::write(
        room.path().join("watchroom.toml"),
        "[host]\nlisten = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    let check = room.run("config check");
    assert!(
        text(&check).starts_with("The configuration is fine"),
        "{}",
        errors(&check)
    );
    let shown = room.json("config show --origin -o json");
    let items = shown["items"].as_array().unwrap();
    let listen = items.iter().find(|item| item["key"] == "host.listen").unwrap();
    assert_eq!(listen["value"], "127.0.0.1:0");
    assert!(listen["origin"].as_str().unwrap().ends_with("watchroom.toml:2"));
    let names = text(&room.run("config show --quiet"));
    assert!(names.lines().any(|line| line == "host.listen"), "{names}");
    assert!(
        text(&room.run("config show -o yaml")).starts_with("items:\n  -\n    key: "),
        "yaml"
    );
}

#[test]
fn the_version_names_features_and_build() {
    let version = Room::open().json("version -o json");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["features"].is_array() && version["build"]["arch"].is_string());
}

#[test]
fn bad_usage_exits_with_2_and_help_with_0() {
    let room = Room::open();
    assert_eq!(room.run("server").status.code(), Some(2));
    assert_eq!(room.run("server sing").status.code(), Some(2));
    assert_eq!(room.run("-o csv version").status.code(), Some(2));
    let help = room.run("server logs --help");
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help).contains("watchroom server logs minecraft --since 10m -f"));
}

#[test]
fn completions_know_the_nouns() {
    let output = Room::open().run("completions bash");
    let script = text(&output);
    assert!(
        script.contains("watchroom__subcmd__server") || script.contains("watchroom__server"),
        "{script}"
    );
}

#[test]
fn a_certificate_is_made_shown_and_verified_and_a_mismatched_key_found() {
    let room = Room::open();
    let missing = room.run("tls info");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        errors(&missing).contains("watchroom tls generate"),
        "{}",
        errors(&missing)
    );
    let first = room.json("tls generate --key ecdsa-p256 -o json");
    assert_eq!(first["key_matches"], true);
    let names = first["names"].as_array().unwrap();
    assert!(names.iter().any(|name| name == "localhost"), "{names:?}");
    let second = room.json("tls generate --key ecdsa-p256 -o json");
    assert_ne!(first["fingerprint_sha256"], second["fingerprint_sha256"]);
    assert_eq!(
        room.json("tls info -o json")["fingerprint_sha256"],
        second["fingerprint_sha256"]
    );
    assert!(room.run("tls verify").status.success());
    let other = Room::open();
    other.json("tls generate --key ecdsa-p256 -o json");
    let key = |room: &Room| room.path().join("state/ssl/server.key");
    fs::copy(key(&other), key(&room)).unwrap();
    let output = room.run("tls verify");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn a_secret_is_never_asked_for_where_nobody_can_answer() {
    let output = Room::open().run("user reset-password alice");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("--password-file FILE"),
        "{}",
        errors(&output)
    );
}

#[test]
fn a_remote_host_wants_a_token_and_a_right_address() {
    let room = Room::open();
    let output = room.run("--host https://127.0.0.1:1 server list");
    assert_eq!(output.status.code(), Some(2));
    fs::write(room.path().join("token"), "wr_pat_x\n").unwrap();
    fs::write(room.path().join("empty.pem"), "").unwrap();
    let output = room.run("--host https://127.0.0.1:1 --token-file token --ca-file empty.pem server list");
    assert!(errors(&output).contains("empty.pem"), "{}", errors(&output));
}

#[test]
#[cfg(feature = "host")]
fn the_api_document_is_printed() {
    let document = Room::open().json("openapi");
    assert!(document["paths"]["/api/servers"]["get"].is_object());
}

/// A chain of a few entries as an export writes it, and the key that signed it.
fn exported() -> (String, watchroom_audit::AuditKey) {
    use watchroom_audit::{AuditKey, Checkpoint, Draft, Entry, Head, Kind, LineDigest, Outcome};
    let key = AuditKey::generate(&watchroom_kit::Entropy::system());
    let mut head = Head::start("main");
    let mut digest = LineDigest::default();
    let mut text = String::new();
    for turn in 0..3 {
        let draft = Draft {
            timestamp: time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(turn),
            event_type: watchroom_policy::EventType::Audit,
            user: "system".to_owned(),
            action: "server.start".to_owned(),
            resource: "server:1".to_owned(),
            result: Outcome::Success,
            source_ip: None,
            user_agent: None,
            request_id: None,
            decision_id: None,
            extra: serde_json::Map::new(),
        };
        let entry = Entry::append(draft, &head);
        head = entry.head();
        digest.line(entry.line().as_bytes());
        text += &(entry.line() + "\n");
    }
    let (count, digest) = (3, Some(digest.finish()));
    let time = time::OffsetDateTime::UNIX_EPOCH;
    let end = Checkpoint {
        kind: Kind::Export,
        heads: vec![head],
        count,
        digest,
        time,
    }
    .sign(&key);
    (text + &end.line() + "\n", key)
}

#[test]
fn an_exported_chain_is_verified_offline_and_the_first_bad_entry_is_named() {
    use watchroom_kit::ExposeSecret;
    let room = Room::open();
    let (text_of_chain, key) = exported();
    fs::write(room.path().join("audit.jsonl"), &text_of_chain).unwrap();
    let verify = format!("audit verify audit.jsonl --public-key {}", key.public());
    let output = room.run(&verify);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(
        text(&output),
        "The chain is intact (entries: 3, signed checkpoints: 1).\n"
    );
    assert_eq!(room.json(&format!("{verify} -o json --quiet"))["intact"], true);
    // Without a key given, the one in the state folder is used.
    let keys = room.path().join("state/keys");
    fs::create_dir_all(&keys).unwrap();
    fs::write(keys.join("audit.key"), key.to_pem().unwrap().expose_secret()).unwrap();
    assert!(room.run("audit verify audit.jsonl").status.success());
    let edited = text_of_chain.replacen("server:1", "server:2", 2);
    fs::write(room.path().join("audit.jsonl"), edited).unwrap();
    let output = room.run(&verify);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("the chain is not intact: line 1 (entry 1): edited"),
        "{}",
        errors(&output)
    );
    fs::write(
        room.path().join("audit.jsonl"),
        text_of_chain.lines().next().unwrap(),
    )
    .unwrap();
    assert_eq!(room.run(&verify).status.code(), Some(1));
}
