//! The program in a folder of its own, with accounts and tokens, until it is dropped.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use crate::process::Pinned;

/// How often a token is shown before the next takes its turn: its owner's role allows 1,000 a minute.
pub const REQUESTS_PER_TOKEN: usize = 950;
const PROGRAM: &str = env!("CARGO_BIN_EXE_watchroom");
const PATIENCE: Duration = Duration::from_secs(30);
/// Strong enough, and the same for all: who asks is told apart by tokens.
pub const PASSWORD: &str = "Correct horse 9 battery staple";

pub struct Room {
    folder: TempDir,
    port: u16,
    program: Option<Child>,
}

impl Room {
    /// A room whose program is up.
    pub fn up() -> Self {
        Self::configured("")
    }

    /// The same with this configuration.
    pub fn configured(configuration: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("wr").tempdir().unwrap();
        // What is asked for most here has a limit of its own, as nothing else that is read has.
        let configuration = format!("{configuration}\n[shield.limits.routes]\nnodes = []\n");
        fs::write(folder.path().join("watchroom.toml"), configuration).unwrap();
        // Freed again at once; nobody else on a measured machine takes it in between.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut room = Self {
            folder,
            port,
            program: None,
        };
        room.start();
        room.until_ready();
        room
    }

    /// Starts the program, and does not wait for it.
    pub fn start(&mut self) {
        let listen = self.authority();
        let mut command = self.command();
        command.args(["up", "--listen", &listen]);
        command.args(["--ops-listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0"]);
        command.env("WATCHROOM_LOG", "warn");
        self.program = Some(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
    }

    /// Asks the program to stop, and waits for that.
    pub fn stop(&mut self) {
        let mut program = self.program.take().unwrap();
        kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
        assert!(program.wait().unwrap().success());
    }

    /// Kills the program as a crash would.
    pub fn kill(&mut self) {
        let mut program = self.program.take().unwrap();
        program.kill().unwrap();
        assert!(!program.wait().unwrap().success());
    }

    /// Waits until all listeners answer.
    pub fn until_ready(&self) {
        let began = Instant::now();
        while !self.state().join("run/endpoints.json").exists() {
            assert!(began.elapsed() < PATIENCE, "the program did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn process(&self) -> Pinned {
        Pinned::of(self.program.as_ref().unwrap())
    }

    /// How a client trusts the panel.
    pub fn client(&self) -> Arc<ClientConfig> {
        trusting(&CertificateDer::from_pem_file(self.state().join("keys/panel-ca.crt")).unwrap())
    }

    /// Makes so many accounts with a token each.
    pub fn tokens(&self, count: usize) -> Vec<String> {
        let token = |number: usize| {
            let name = format!("user-{number}");
            self.run(
                &["user", "create", &name, "--role", "admin", "--password-file", "-"],
                PASSWORD,
            );
            let line = [
                "token",
                "create",
                "--for",
                &name,
                "--name",
                "bench",
                "--expires",
                "1d",
                "-o",
                "json",
            ];
            let made: serde_json::Value = serde_json::from_slice(&self.run(&line, "")).unwrap();
            made["token"].as_str().unwrap().to_owned()
        };
        (0..count).map(token).collect()
    }

    /// Gives the first so many of those accounts an address each: `user-0@home.example` and so on.
    pub fn addresses(&self, count: usize) {
        for number in 0..count {
            let name = format!("user-{number}");
            let address = format!("{name}@home.example");
            self.run(&["user", "set-email", &name, &address], "");
        }
    }

    /// Makes an account, whose password is hashed.
    pub fn hash_something(&self) {
        self.run(
            &[
                "user",
                "create",
                "somebody",
                "--role",
                "viewer",
                "--password-file",
                "-",
            ],
            PASSWORD,
        );
    }

    fn run(&self, arguments: &[&str], input: &str) -> Vec<u8> {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--state").arg(self.state());
        command
            .arg("--config")
            .arg(self.folder.path().join("watchroom.toml"));
        command.env_clear();
        command
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            // Both fail only if it has ended already.
            let _ended = program.kill();
            let _reaped = program.wait();
        }
    }
}

/// A client that speaks TLS 1.3 alone and trusts one certificate.
pub fn trusting(authority: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}
