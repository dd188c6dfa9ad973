//! A room for a story: a state folder and a configuration of its own, the program on free ports, and an end to
//! everything that was started, whatever happens.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use watchroom_testkit_folder::Folder;

use crate::residents;
use crate::visitor::Visitor;

/// How long anything may take before a story gives up: generous, because machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A password that is strong enough.
pub const PASSWORD: &str = "Correct horse 9 battery staple";
const PROGRAM: &str = env!("CARGO_BIN_EXE_watchroom");
pub const FREE_PORTS: [&str; 7] = [
    "up",
    "--listen",
    "127.0.0.1:0",
    "--ops-listen",
    "127.0.0.1:0",
    "--node-listen",
    "127.0.0.1:0",
];

/// How a command ended and what it said.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub errors: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// The room.
pub struct Room {
    folder: Folder,
    program: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Room {
    /// A folder with an empty configuration; nothing runs.
    pub fn empty() -> Self {
        let folder = Folder::new();
        fs::write(folder.path().join("watchroom.toml"), "").unwrap();
        // Of no meaning to root; without root there would be no servers.
        let rules = "[rules]\nsame_account = true\n";
        fs::write(folder.path().join("node.toml"), rules).unwrap();
        Self {
            folder,
            program: None,
            environment: Vec::new(),
        }
    }

    /// A room whose program is up.
    pub fn up() -> Self {
        let mut room = Self::empty();
        room.start();
        room
    }

    /// A room whose program is up, with an administrator called alice.
    pub fn with_alice() -> Self {
        let room = Self::up();
        room.add_user("alice", "admin");
        room
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub fn configuration(&self) -> PathBuf {
        self.path().join("watchroom.toml")
    }

    /// Sets a variable of the environment in which the program runs from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The program on this room's state and configuration, and an environment of nothing else than was set.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--state").arg(self.state());
        command.arg("--config").arg(self.configuration());
        // As its unit says.
        command.env_clear().env("MALLOC_ARENA_MAX", "2");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Starts `up` on free ports and waits until it says where it listens. Gives the time that took.
    pub fn start(&mut self) -> Duration {
        self.start_as(&FREE_PORTS)
    }

    /// The same with other arguments.
    pub fn start_as(&mut self, arguments: &[&str]) -> Duration {
        self.start_in(arguments, &[])
    }

    /// The same in an environment of these variables.
    pub fn start_in(&mut self, arguments: &[&str], environment: &[(&str, &str)]) -> Duration {
        assert!(self.program.is_none(), "it runs already");
        let before = self.endpoints_version();
        let began = Instant::now();
        let said = fs::File::create(self.path().join("up.out")).unwrap();
        let logged = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path().join("up.log"))
            .unwrap();
        let mut command = self.command();
        self.program = Some(
            command
                .args(arguments)
                .envs(environment.iter().copied())
                .stdout(said)
                .stderr(logged)
                .spawn()
                .unwrap(),
        );
        wait_for("the program says where it listens", || {
            let ended = self.program.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            (self.endpoints_version().is_some() && self.endpoints_version() != before).then_some(())
        });
        began.elapsed()
    }

    /// Which writing of the list of endpoints there is, if any.
    fn endpoints_version(&self) -> Option<(u64, i64, i64)> {
        let file = fs::metadata(self.state().join("run/endpoints.json")).ok()?;
        Some((file.ino(), file.mtime(), file.mtime_nsec()))
    }

    /// Sends the program a signal and waits for its end. Gives how it ended and the time that took.
    pub fn signal(&mut self, signal: Signal) -> (ExitStatus, Duration) {
        let mut program = self.program.take().unwrap();
        let began = Instant::now();
        kill_process(Pid::from_child(&program), signal).unwrap();
        let status = end_of(&mut program);
        (status, began.elapsed())
    }

    /// The number of the program's process.
    pub fn process(&self) -> u32 {
        self.program.as_ref().unwrap().id()
    }

    /// Kills the program as a crash would.
    pub fn kill(&mut self) {
        let (status, _) = self.signal(Signal::KILL);
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }

    /// What `up` said on standard output, and what it logged.
    pub fn said(&self) -> String {
        fs::read_to_string(self.path().join("up.out")).unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("up.log")).unwrap_or_default()
    }

    /// Where a listener of the running program is (`panel`, `ops`).
    pub fn endpoint(&self, name: &str) -> String {
        let text = fs::read_to_string(self.state().join("run/endpoints.json")).unwrap();
        let endpoints: Value = serde_json::from_str(&text).unwrap();
        endpoints[name].as_str().unwrap().to_owned()
    }

    /// Somebody at the panel who shows nothing.
    pub fn stranger(&self) -> Visitor {
        Visitor::new(&self.endpoint("panel"), &self.state().join("keys/panel-ca.crt"))
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs a command with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command();
        command.args(arguments);
        ended(&mut command, input)
    }

    /// Runs `up`, which must end by itself.
    pub fn refused_up(&self) -> Ended {
        let ended = self.run(&FREE_PORTS);
        assert!(!ended.status.success(), "it was not refused: {}", ended.out);
        assert_eq!(ended.out, "");
        ended
    }

    /// Runs a line of words that must succeed, and gives what it printed.
    pub fn done(&self, line: &str) -> String {
        let ended = self.run(&line.split_whitespace().collect::<Vec<_>>());
        assert!(ended.status.success(), "{line}: {}", ended.errors);
        ended.out
    }

    /// The same with the answer as JSON.
    pub fn json(&self, line: &str) -> Value {
        let out = self.done(&format!("{line} -o json"));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}"))
    }

    /// The fingerprint of the CA that signs, as this Host says.
    pub fn authority(&self) -> String {
        let status = self.json("cluster status");
        status["host"]["cluster_ca"].as_str().unwrap().to_owned()
    }

    /// Makes an account.
    pub fn add_user(&self, name: &str, role: &str) {
        let arguments = ["user", "create", name, "--role", role, "--password-file", "-"];
        let ended = self.run_with(&arguments, PASSWORD);
        assert!(ended.status.success(), "{}", ended.errors);
    }

    /// Makes a token for an account.
    pub fn token_of(&self, name: &str) -> String {
        let line = format!("token create --for {name} --name ci --expires 1d --allow-sensitive");
        self.json(&line)["token"].as_str().unwrap().to_owned()
    }

    /// Creates a server that runs this shell script and is not started again by itself; gives its id.
    pub fn create(&self, name: &str, script: &str) -> String {
        let arguments = [
            "server",
            "create",
            name,
            "--restart-policy",
            "never",
            "-o",
            "json",
            "--",
            "/bin/sh",
            "-c",
            script,
        ];
        let ended = self.run(&arguments);
        assert!(ended.status.success(), "{}", ended.errors);
        let created: Value = serde_json::from_str(&ended.out).unwrap();
        created["server"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a server is in this state, as its node says now.
    pub fn until_server(&self, name: &str, status: &str) -> Value {
        wait_for(&format!("{name} is {status}"), || {
            let server = self.json(&format!("server show {name}"));
            (server["status"] == status && server["stale"] == false).then_some(server)
        })
    }

    /// What a server printed on its standard output, with neither gap nor double in the numbers of its lines.
    pub fn printed(&self, name: &str) -> Vec<String> {
        let text = self.done(&format!("server logs {name} --all -o json"));
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for (number, line) in lines.iter().enumerate() {
            assert_eq!(line["offset"], number, "{name}: {line}");
        }
        let printed = lines.into_iter().filter(|line| line["source"] == "stdout");
        printed
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            // Both fail only if it has ended already.
            let _ended = program.kill();
            let _reaped = program.wait();
        }
        residents::end_all(self.folder.path());
        if std::thread::panicking() {
            let log = self.log();
            let newest: Vec<_> = log.lines().rev().take(40).collect();
            println!("--- said:\n{}\n--- logged last:", self.said_at_all());
            newest.iter().rev().for_each(|line| println!("{line}"));
        }
    }
}

impl Room {
    fn said_at_all(&self) -> String {
        fs::read_to_string(self.path().join("up.out")).unwrap_or_default()
    }
}

/// Runs a command to its end, which must come in time.
pub fn ended(command: &mut Command, input: &str) -> Ended {
    let mut files = [(); 3].map(|()| tempfile::tempfile().unwrap());
    files[0].write_all(input.as_bytes()).unwrap();
    files[0].seek(SeekFrom::Start(0)).unwrap();
    let [stdin, stdout, stderr] = files.each_ref().map(|file| file.try_clone().unwrap());
    let mut child = command
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap();
    let status = end_of(&mut child);
    let [_, out, errors] = files.map(|mut file| {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    });
    Ended { status, out, errors }
}

pub fn end_of(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a process did not end in time");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until something is so, and gives it.
pub fn wait_for<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
