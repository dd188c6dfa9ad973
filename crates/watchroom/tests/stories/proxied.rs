//! A real nginx in front, as the documentation would have it, and people behind it who say that they are others.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::room::{Room, wait_for};
use crate::visitor::Visitor;

/// From where nginx dials the Host. All of 127.0.0.0/8 is this machine.
const PROXY: &str = "127.0.0.2";

/// A running nginx, which speaks the panel's own TLS and passes on to the panel.
struct Nginx {
    program: Child,
    authority: String,
}

impl Nginx {
    fn before(room: &Room) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let authority = format!("127.0.0.1:{port}");
        let panel = room.endpoint("panel");
        let state = room.state().display().to_string();
        let folder = room.path().display().to_string();
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {folder}/nginx-{name};"))
            .join("\n");
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}\n\
             server {{\nlisten {authority} ssl;\nssl_protocols TLSv1.3;\nssl_certificate {state}/ssl/server.crt;\nssl_certificate_key {state}/ssl/server.key;\n\
             location / {{\nproxy_pass {panel};\nproxy_bind {PROXY};\nproxy_http_version 1.1;\n\
             proxy_ssl_verify on;\nproxy_ssl_name localhost;\nproxy_ssl_protocols TLSv1.3;\n\
             proxy_ssl_trusted_certificate {state}/keys/panel-ca.crt;\nproxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto https;\n\
             proxy_set_header X-Forwarded-Host $http_host;\n}}\n}}\n}}\n"
        );
        let file = room.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let said = fs::File::create(room.path().join("nginx.log")).unwrap();
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(room.path())
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg("stderr");
        let mut program = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .unwrap_or_else(|error| panic!("nginx is needed, apt-get install nginx: {error}"));
        wait_for("nginx listens", || {
            let ended = program.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{}",
                fs::read_to_string(room.path().join("nginx.log")).unwrap()
            );
            TcpStream::connect(&authority).ok()
        });
        Self { program, authority }
    }

    /// Somebody who comes by it.
    fn visitor(&self, room: &Room) -> Visitor {
        let url = format!("https://{}", self.authority);
        Visitor::new(&url, &room.state().join("keys/panel-ca.crt"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.program.kill();
        let _reaped = self.program.wait();
    }
}

fn trusting(proxy: &str) -> Room {
    let mut room = Room::empty();
    let configuration = format!("[shield]\ntrusted_proxies = [\"{proxy}\"]\n");
    fs::write(room.configuration(), configuration).unwrap();
    room.start();
    room
}

/// What they may say of themselves, each alone and beside others.
const CLAIMS: &[(&str, &str)] = &[
    ("x-forwarded-for", "198.51.100.7"),
    ("x-forwarded-for", "127.0.0.2"),
    ("x-forwarded-for", "10.0.0.1, 127.0.0.2"),
    ("x-forwarded-for", "::ffff:10.0.0.1"),
    ("x-forwarded-for", "unknown"),
    ("x-forwarded-for", "\"10.0.0.1\""),
    ("x-forwarded-for", ",,,"),
    ("x-real-ip", "10.0.0.1"),
    ("client-ip", "10.0.0.1"),
    ("forwarded", "for=127.0.0.2"),
    ("forwarded", "for=10.0.0.1;proto=https, for=127.0.0.2"),
    ("forwarded", "for=unknown"),
    ("forwarded", "nonsense"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "evil.example"),
];

#[test]
fn behind_nginx_nobody_is_anybody_but_who_they_are() {
    let room = trusting(PROXY);
    let nginx = Nginx::before(&room);
    let claiming = |claims: &[(&str, &str)]| {
        let mut visitor = nginx.visitor(&room);
        claims.iter().for_each(|(name, value)| visitor.show(name, value));
        visitor.get("/setup").status
    };
    assert_eq!(claiming(&[]), 200);
    // Somebody else is banned: whoever poses as them is let in, as they are not them.
    room.done("ban add 198.51.100.7 --reason another");
    assert_eq!(claiming(&CLAIMS[..1]), 200);
    // They themselves are: no claim helps, alone or with another. Who names two senders is not even looked at.
    room.done("ban add 127.0.0.1 --reason here");
    room.done("ban confirm 127.0.0.1");
    for (number, claim) in CLAIMS.iter().enumerate() {
        let alone = claiming(&[*claim]);
        let with_next = claiming(&[*claim, CLAIMS[(number + 1) % CLAIMS.len()]]);
        for status in [alone, with_next] {
            assert!([400, 403].contains(&status), "{claim:?}: {status}");
        }
    }
    assert_eq!(claiming(&[("forwarded", "for=10.0.0.1")]), 400);
    assert_eq!(claiming(&[("x-forwarded-for", "10.0.0.1")]), 403);
}

#[test]
fn a_proxy_that_nobody_declared_is_named_in_the_log_and_lends_no_privilege() {
    let room = trusting("192.0.2.1");
    let nginx = Nginx::before(&room);
    // The proxy's name for the Host is loopback's, which is not for those behind it.
    let answer = nginx.visitor(&room).get("/api/nodes");
    assert_eq!(answer.status, 401, "{answer:?}");
    wait_for("the log names the setting", || {
        let log = room.log();
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line.to_string().contains("shield.trusted_proxies"))
    });
}

#[test]
fn a_refusal_by_networks_names_the_key_in_the_log() {
    let room = trusting("127.0.0.1");
    let mut far = room.stranger();
    far.show("x-forwarded-for", "198.51.100.7");
    let answer = far.post("/api/users", &json!({}));
    assert_eq!(answer.status, 403, "{answer:?}");
    let line = wait_for("the log has the refusal", || {
        let log = room.log();
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["refusal.why"] == "network-not-allowed")
    });
    assert_eq!(
        line["setting"], "shield.allowed_networks.administration",
        "{line}"
    );
    assert_eq!(line["client.address"], "198.51.100.7", "{line}");
}
