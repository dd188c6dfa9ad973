//! Whom the machine's own fail2ban keeps out, asked through the node: of a real fail2ban on a folder of its own, with an
//! action that only writes down what it was told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use watchroom_testkit::{TestRoom, program};

/// The filter that is shipped.
const FILTER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../contrib/fail2ban/filter.d/watchroom.conf"
);
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_millis(50);

/// A fail2ban server of the story's own. Dropping it ends it.
struct Fail2ban {
    folder: tempfile::TempDir,
    socket: PathBuf,
}

impl Fail2ban {
    /// Starts one. It must be there: `scripts/test-needs.sh` installs it.
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let socket = at.join("s");
        for part in ["action.d", "filter.d", "jail.d"] {
            fs::create_dir(at.join(part)).expect("a folder");
        }
        let place = |name: &str| at.join(name).display().to_string();
        let server = format!(
            "[Definition]\nloglevel = INFO\nlogtarget = {}\nsyslogsocket = auto\nsocket = {}\npidfile = {}\n\
             dbfile = None\ndbpurgeage = 1d\nallowipv6 = yes\n",
            place("log"),
            socket.display(),
            place("pid")
        );
        let jail = format!(
            "[watchroom]\nenabled = true\nfilter = watchroom\nbackend = polling\nlogpath = {}\nbantime = 1h\n\
             banaction = none\naction = note\n",
            place("watched")
        );
        let acts = place("acts");
        let action = format!(
            "[Definition]\nactionban = echo ban <ip> >> {acts}\nactionunban = echo unban <ip> >> {acts}\n"
        );
        for (name, text) in [
            ("fail2ban.conf", server.as_str()),
            ("jail.conf", &jail),
            ("action.d/note.conf", &action),
            ("watched", ""),
        ] {
            fs::write(at.join(name), text).expect("a file");
        }
        fs::copy(FILTER, at.join("filter.d/watchroom.conf")).expect("the filter");
        let started = Command::new("fail2ban-server")
            .args(["-b", "-c"])
            .arg(at)
            .arg("-s")
            .arg(&socket)
            .arg("-p")
            .arg(at.join("pid"))
            .arg("start")
            .output()
            .expect("fail2ban is installed: scripts/test-needs.sh");
        assert!(started.status.success(), "{started:?}");
        let server = Self { folder, socket };
        server.until(|| server.client(&["status", "watchroom"]).status.success());
        server
    }

    fn client(&self, words: &[&str]) -> Output {
        Command::new("fail2ban-client")
            .arg("-s")
            .arg(&self.socket)
            .args(words)
            .output()
            .expect("fail2ban is installed")
    }

    fn ban(&self, addresses: &[&str]) {
        let words: Vec<&str> = ["set", "watchroom", "banip"]
            .into_iter()
            .chain(addresses.iter().copied())
            .collect();
        let banned = self.client(&words);
        assert!(banned.status.success(), "{banned:?}");
        self.until(|| {
            addresses
                .iter()
                .all(|address| self.acts().contains(&format!("ban {address}\n")))
        });
    }

    /// What its action was told.
    fn acts(&self) -> String {
        fs::read_to_string(self.folder.path().join("acts")).unwrap_or_default()
    }

    /// Asks again and again, for half a minute and more on a busy machine.
    fn until(&self, is_so: impl Fn() -> bool) {
        for _ in 0..TRIES {
            if is_so() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("waited in vain: {log}");
    }
}

impl Drop for Fail2ban {
    fn drop(&mut self) {
        let stopped = self.client(&["stop"]);
        if !stopped.status.success() {
            return;
        }
        let pid = self.folder.path().join("pid");
        for _ in 0..TRIES {
            if !pid.exists() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

async fn room(socket: &Path) -> TestRoom {
    TestRoom::allowing(program!(), |allowed| {
        allowed.fail2ban.allow = true;
        allowed.fail2ban.socket = socket.to_owned();
    })
    .await
}

fn addresses(jail: &Value) -> Vec<&str> {
    let banned = jail["banned"].as_array().expect("a list");
    banned.iter().filter_map(|one| one["address"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_of_fail2ban_are_listed_and_lifted_through_the_node() {
    let server = Fail2ban::start();
    server.ban(&["198.51.100.7", "2001:db8::5", "192.0.2.0/24"]);
    let room = room(&server.socket).await;
    let (ada, vera) = (room.admin("ada").await, room.viewer("vera").await);
    let jail = vera.get("/api/security/fail2ban").await;
    assert_eq!(jail.status, 200, "{}", jail.text());
    let jail = jail.json();
    assert_eq!(
        (&jail["jail"], jail["node"].is_string()),
        (&json!("watchroom"), true),
        "{jail}"
    );
    assert_eq!(addresses(&jail), ["198.51.100.7", "2001:db8::5", "192.0.2.0/24"]);
    assert!(jail["banned"][0]["until"].is_string(), "{jail}");

    let lift = "/api/security/fail2ban/lift";
    for address in ["198.51.100.7", "2001:db8::5"] {
        let lifted = ada.post(lift, json!({ "address": address })).await;
        assert_eq!(lifted.json()["outcome"], "done", "{}", lifted.text());
        assert!(
            server.acts().contains(&format!("unban {address}\n")),
            "{}",
            server.acts()
        );
    }
    let again = ada.post(lift, json!({ "address": "198.51.100.7" })).await;
    assert_eq!(again.json()["outcome"], "already_so", "{}", again.text());
    assert_eq!(
        addresses(&vera.get("/api/security/fail2ban").await.json()),
        ["192.0.2.0/24"]
    );

    let entries = ada.get("/api/audit?action=fail2ban.lift").await.json();
    let entries = entries["items"].as_array().expect("items");
    assert_eq!(entries.len(), 6, "intent and outcome of each: {entries:?}");
    assert!(entries.iter().all(|entry| entry["event_type"] == "SECURITY"));
    assert!(
        entries
            .iter()
            .any(|entry| entry["extra"]["address"] == "2001:db8::5")
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_change_networks_lifts_with_a_fresh_proof_and_only_addresses() {
    let server = Fail2ban::start();
    server.ban(&["198.51.100.7"]);
    let room = room(&server.socket).await;
    let (vera, developer) = (room.viewer("vera").await, room.developer("dan").await);
    let lift = "/api/security/fail2ban/lift";
    let one = || json!({ "address": "198.51.100.7" });
    assert_eq!(vera.post(lift, one()).await.status, 403);
    assert_eq!(developer.get("/api/security/fail2ban").await.status, 403);
    let user = room.account("eve", "admin").await;
    let token = room.token(user, false).await;
    let plain = watchroom_testkit::Visitor::with_token(room.client(), &token);
    plain.post(lift, one()).await.problem(403, "step-up-required");

    let ada = room.admin("ada").await;
    for address in [
        "--all",
        "-h",
        "198.51.100.7; id",
        "198.51.100.7 2001:db8::5",
        "",
        "watchroom",
    ] {
        let refused = ada.post(lift, json!({ "address": address })).await;
        assert_eq!(refused.status, 400, "{address}: {}", refused.text());
    }
    assert_eq!(
        addresses(&vera.get("/api/security/fail2ban").await.json()),
        ["198.51.100.7"]
    );
    room.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_allow_it_says_how_and_one_without_fail2ban_says_so() {
    let room = TestRoom::open(program!()).await;
    let ada = room.admin("ada").await;
    let refused = ada.get("/api/security/fail2ban").await;
    let problem = refused.problem(409, "refused-by-node");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|why| why.contains("allow = true under [fail2ban]")),
        "{problem}"
    );
    let lift = json!({ "address": "198.51.100.7" });
    let refused = ada.post("/api/security/fail2ban/lift", lift.clone()).await;
    refused.problem(409, "refused-by-node");
    let entries = ada
        .get("/api/audit?action=fail2ban.lift&result=failure")
        .await
        .json();
    assert_eq!(entries["items"].as_array().map(Vec::len), Some(1), "{entries}");
    room.close().await;

    let nowhere = tempfile::tempdir().expect("a folder");
    let room = self::room(&nowhere.path().join("none")).await;
    let ada = room.admin("ada").await;
    let refused = ada.post("/api/security/fail2ban/lift", lift).await;
    let problem = refused.problem(409, "refused-by-node");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|why| why.contains("Is fail2ban running?")),
        "{problem}"
    );
    room.close().await;
}
