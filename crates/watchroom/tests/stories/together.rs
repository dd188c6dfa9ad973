//! Two whole Hosts that count in one Redis, over TLS and with a password.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::room::{Room, wait_for};
use crate::visitor::{Answer, plainly};

const PASSWORD: &str = "a password of the counters alone";
/// What nobody in particular may ask of both together.
const ALLOWED: usize = 7;

/// A Redis until it is dropped.
struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A Redis that shows the certificate of this room's panel.
fn redis(room: &Room, port: u16) -> Redis {
    let mut command = Command::new("redis-server");
    let tls_port = port.to_string();
    command.args([
        "--port",
        "0",
        "--bind",
        "127.0.0.1",
        "--tls-port",
        &tls_port,
        "--tls-auth-clients",
        "no",
    ]);
    command.args(["--save", "", "--appendonly", "no", "--requirepass", PASSWORD]);
    command
        .arg("--tls-cert-file")
        .arg(room.state().join("ssl/server.crt"));
    command
        .arg("--tls-key-file")
        .arg(room.state().join("ssl/server.key"));
    command
        .arg("--tls-ca-cert-file")
        .arg(room.state().join("keys/panel-ca.crt"));
    let command = command.current_dir(room.path()).stdout(Stdio::null());
    let spawned = command.spawn();
    Redis(
        spawned
            .unwrap_or_else(|error| panic!("redis-server is needed, apt-get install redis-server: {error}")),
    )
}

/// Makes this room's Host count there.
fn count_there(room: &Room, port: u16, authority: &Room) {
    let password = room.path().join("redis-password");
    fs::write(&password, PASSWORD).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let configuration = format!(
        "[shield.limits]\nanonymous = [{{ limit = {ALLOWED}, per_s = 3600 }}]\nredis_url = \"rediss://localhost:{port}/0\"\n\
         redis_password_file = {password:?}\nredis_ca_file = {:?}\n",
        authority.state().join("keys/panel-ca.crt")
    );
    fs::write(room.configuration(), configuration).unwrap();
}

/// What a Host says of its readiness, as monitoring hears it.
fn readiness(room: &Room) -> Answer {
    monitored(room, "/readyz")
}

fn monitored(room: &Room, path: &str) -> Answer {
    let ops = room.endpoint("ops");
    let address = ops.strip_prefix("http://").unwrap();
    plainly(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
    )
}

/// Waits until an entry of this act stands in the audit log.
fn until_written(room: &Room, action: &str) {
    wait_for(&format!("{action} in the audit log"), || {
        let log = room.done(&format!("audit search --action {action} -o json"));
        log.contains("\"limits\"").then_some(())
    });
}

/// Waits until a Host is ready in every part, its counters among them.
fn until_ready(room: &Room) {
    wait_for("every part is ready and none is weak", || {
        let answer = readiness(room);
        (answer.status == 200 && limits(&answer)["weakness"].is_null()).then_some(())
    });
}

/// What it says of its counters.
fn limits(answer: &Answer) -> Value {
    let said = answer.json();
    let mut parts = said["parts"].as_array().into_iter().flatten();
    let part = parts.find(|part| part["name"] == "limits");
    part.unwrap_or_else(|| panic!("no counters in {said}")).clone()
}

#[test]
fn two_hosts_enforce_one_limit_by_a_redis_over_tls() {
    let mut first = Room::up();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let running = redis(&first, port);
    first.signal(Signal::TERM);
    count_there(&first, port, &first);
    let mut second = Room::empty();
    count_there(&second, port, &first);
    first.start();
    second.start();
    until_ready(&first);
    until_ready(&second);
    let strangers = [first.stranger(), second.stranger()];
    let statuses: Vec<u16> = (0..ALLOWED * 2)
        .map(|turn| strangers[turn % 2].get("/setup").status)
        .collect();
    let (allowed, refused) = statuses.split_at(ALLOWED);
    assert!(allowed.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(refused.iter().all(|status| *status == 429), "{statuses:?}");
    // Without it each goes on by what it has counted itself: not frozen, and not unlimited.
    drop(running);
    for stranger in &strangers {
        let statuses: Vec<u16> = (0..=ALLOWED).map(|_| stranger.get("/setup").status).collect();
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    }
    // Monitoring hears that they are weaker than they should be, though ready, until it is back.
    for room in [&first, &second] {
        let weak = wait_for("the counters are weak", || {
            let answer = readiness(room);
            assert_eq!(answer.status, 200, "{answer:?}");
            limits(&answer)["weakness"].as_str().map(str::to_owned)
        });
        let words = "counted by this Host alone, since Redis does not answer: ";
        assert!(weak.len() > words.len() && weak.starts_with(words), "{weak}");
        let metrics = monitored(room, "/metrics").body;
        assert!(
            metrics.contains("watchroom_part_well{part=\"limits\"} 0"),
            "{metrics}"
        );
        until_written(room, "host.trouble");
    }
    let _back = redis(&first, port);
    until_ready(&first);
    until_ready(&second);
    for room in [&first, &second] {
        until_written(room, "host.recovered");
        let metrics = monitored(room, "/metrics").body;
        assert!(
            metrics.contains("watchroom_part_well{part=\"limits\"} 1"),
            "{metrics}"
        );
    }
}
