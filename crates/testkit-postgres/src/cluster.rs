//! The server of a run: found, or made and started.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The accounts that the server may run as when we are root, best first.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// Tries until a server that starts must answer, and the time between.
const TRIES: u32 = 600;
const REST: Duration = Duration::from_millis(50);
/// The file with the authority of the server's certificate.
pub(crate) const AUTHORITY: &str = "authority.pem";
/// The file that says on which port the server answers; written last.
const READY: &str = "port";

/// Runs the server as long as the process it is given lives, then removes the folder. Told to the shell, as it
/// must outlive every process of the tests.
const KEEPER: &str = r#"
runner=$1 folder=$2; shift 2
"$@" &
server=$!
while kill -0 "$runner" && kill -0 "$server"; do sleep 0.2; done
kill -QUIT "$server"
wait "$server"
rm -rf -- "$folder"
"#;

/// The server of this run of tests.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// Where its socket is.
    pub(crate) folder: PathBuf,
    /// Its port, also on 127.0.0.1 and with TLS.
    pub(crate) port: u16,
    programs: PathBuf,
}

impl Cluster {
    /// The server, after starting it if nobody has.
    pub(crate) fn of_this_run() -> Self {
        let (runner, name) = runner();
        let folder = std::env::temp_dir().join(format!("pg-{name}"));
        let programs = programs();
        fs::create_dir_all(&folder).expect("a folder for the server");
        let lock = lock(&folder);
        let port = match fs::read_to_string(folder.join(READY)) {
            Ok(port) => port.trim().parse().expect("a port"),
            Err(_) => start(&folder, &programs, runner),
        };
        drop(lock);
        Self {
            folder,
            port,
            programs,
        }
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql)
            .unwrap_or_else(|why| panic!("psql refused {sql}: {why}"))
    }

    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
            ])
            .args(["--username=watchroom", &format!("--port={}", self.port)])
            .arg(format!("--host={}", self.folder.display()))
            .args([&format!("--dbname={database}"), &format!("--command={sql}")])
            .env_remove("PGOPTIONS")
            .output()
            .expect("psql");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// The process that the server lives as long as, and a short name for the run: nextest starts each test in a
/// process of its own and says which run it belongs to; otherwise all tests of a run are in this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runner tells its run by the environment"
)]
fn runner() -> (u32, String) {
    match std::env::var("NEXTEST_RUN_ID") {
        Ok(run) => {
            let parent = parent_id();
            (
                parent,
                format!("{}-{parent}", run.chars().rev().take(6).collect::<String>()),
            )
        }
        Err(_) => {
            let own = std::process::id();
            (own, own.to_string())
        }
    }
}

/// Eight random bytes as text.
pub(crate) fn random() -> String {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .expect("chance");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock(folder: &Path) -> File {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .expect("a lock");
    lock.lock().expect("the lock");
    lock
}

/// Where the newest server on this machine has its programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("postgres").exists())
        .max();
    newest.unwrap_or_else(|| panic!("PostgreSQL is not installed: apt-get install postgresql"))
}

/// The account for the server: our own, or as root one of those that nobody works as.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("the list of accounts");
    let find = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ACCOUNTS.iter().find_map(|name| find(name));
    Some(found.expect("an account that is not root"))
}

fn start(folder: &Path, programs: &Path, runner: u32) -> u16 {
    let data = folder.join("data");
    // Left by a test that was killed while it was here.
    fs::remove_dir_all(&data).ok();
    let account = account();
    let own = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("an owned path");
        if let Some((user, group)) = account {
            chown(path, Some(user), Some(group)).expect("an owned path");
        }
    };
    own(folder, 0o755);
    let made = as_account(Command::new(programs.join("initdb")), account)
        .args([
            "--username=watchroom",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg("--pgdata")
        .arg(&data)
        .current_dir("/")
        .output()
        .expect("initdb");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for (file, text) in certificate(folder) {
        let path = data.join(file);
        fs::write(&path, text).expect("a certificate");
        own(&path, 0o600);
    }
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port();
    keep(folder, programs, runner, port, account);
    let cluster = Cluster {
        folder: folder.to_owned(),
        port,
        programs: programs.to_owned(),
    };
    let mut answer = Err(String::new());
    for _ in 0..TRIES {
        answer = cluster.try_psql("postgres", "SELECT 1");
        if answer.is_ok() {
            break;
        }
        thread::sleep(REST);
    }
    answer.unwrap_or_else(|why| panic!("the server does not answer: {why}"));
    fs::write(folder.join(READY), port.to_string()).expect("a file");
    port
}

/// Starts the keeper with the server, in a session of their own and without anything of ours open.
fn keep(folder: &Path, programs: &Path, runner: u32, port: u16, account: Option<(u32, u32)>) {
    let mut keeper = Command::new("setsid");
    keeper
        .args(["--fork", "sh", "-c", KEEPER, "keep-postgres"])
        .arg(runner.to_string())
        .arg(folder);
    if let Some((user, group)) = account {
        keeper.args(["setpriv", "--clear-groups"]);
        keeper.args([format!("--reuid={user}"), format!("--regid={group}")]);
    }
    keeper
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args([
            "-c",
            "max_connections=200",
            "-c",
            "shared_buffers=64MB",
            "-c",
            "ssl=on",
        ])
        .args([
            "-c",
            "logging_collector=on",
            "-c",
            "log_min_messages=warning",
            "-c",
            "max_wal_size=256MB",
        ])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = keeper.status().expect("setsid, of util-linux");
    assert!(started.success(), "the server's keeper did not start");
}

fn as_account(mut command: Command, account: Option<(u32, u32)>) -> Command {
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

/// An authority, kept in the folder, and a certificate of it for `localhost`.
fn certificate(folder: &Path) -> [(&'static str, String); 2] {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, authority_key).expect("an authority");
    fs::write(folder.join(AUTHORITY), authority.pem()).expect("a file");
    let key = KeyPair::generate().expect("a key");
    let names = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = names.signed_by(&key, &authority).expect("a certificate");
    [
        ("server.crt", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ]
}
