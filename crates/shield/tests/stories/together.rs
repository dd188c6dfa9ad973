//! Several Hosts that count together in a real Redis.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use watchroom_kit::Tasks;
use watchroom_shield::{Config, RedisCounters, RedisServer, Window};

use super::room::{Room, line, slug, status};

const SIGN_IN: &str =
    "POST /sign-in HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";

/// A Redis of one story, on a socket in a folder of its own, that keeps nothing.
struct Redis {
    folder: tempfile::TempDir,
    program: Child,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = run(folder.path());
        Self { folder, program }
    }

    fn stop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.program = run(self.folder.path());
    }

    fn signal(&self, signal: &str) {
        let mut command = Command::new("kill");
        let sent = command.args([signal, &self.program.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// A Host whose counters are here.
    async fn host(&self, config: Config) -> Room {
        let room = Room::open(config).await;
        let url = format!("unix://{}", self.socket().display());
        let server = RedisServer::new(&url, None, None).unwrap();
        let counters = RedisCounters::connect(server, &Tasks::new());
        room.shield.limits().share(Arc::new(counters));
        until(|| room.shield.limits().trouble().is_none()).await;
        room
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.program.kill();
        let _reaped = self.program.wait();
    }
}

fn run(folder: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        "0",
        "--save",
        "",
        "--appendonly",
        "no",
        "--unixsocket",
        "redis.sock",
    ]);
    let command = command.current_dir(folder).stdout(Stdio::null());
    command
        .spawn()
        .expect("redis-server is needed: apt-get install redis-server")
}

/// Tries a password of five letters.
async fn sign_in(host: &Room, password: &str) -> u16 {
    status(&host.say(format!("{SIGN_IN}{password}")).await)
}

async fn until(is_so: impl Fn() -> bool) {
    let patience = Duration::from_secs(30);
    let poll = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(patience, poll)
        .await
        .expect("it did not come to that in time");
}

fn an_hour_of(anonymous: u32, sign_in: u32) -> Config {
    let mut config = Config::default();
    config.limits.anonymous = vec![Window::per_hour(anonymous)];
    config.limits.sign_in = vec![
        Window::per_hour(sign_in),
        Window {
            limit: sign_in * 2,
            per_s: 7_200,
        },
    ];
    config
}

#[tokio::test]
async fn two_hosts_enforce_one_limit_however_the_requests_are_spread() {
    let redis = Redis::start();
    let (first, second) = (
        redis.host(an_hour_of(10, 5)).await,
        redis.host(an_hour_of(10, 5)).await,
    );
    let answers = join_all((0..40).map(|turn| {
        if turn % 3 == 0 {
            first.get("/")
        } else {
            second.get("/")
        }
    }))
    .await;
    let passed = answers.iter().filter(|answer| status(answer) == 200).count();
    assert_eq!(passed, 10);
    let refused = second.get("/").await;
    assert_eq!((status(&refused), slug(&refused).as_str()), (429, "rate-limited"));
    assert!(
        line(&refused, "ratelimit")
            .unwrap()
            .starts_with("\"anonymous-3600\";r=0;t=")
    );
    assert_eq!(status(&first.get("/health").await), 200);
}

#[tokio::test]
async fn a_sign_in_that_succeeds_on_one_host_gives_the_attempt_back_on_all() {
    let redis = Redis::start();
    let (first, second) = (
        redis.host(an_hour_of(100, 3)).await,
        redis.host(an_hour_of(100, 3)).await,
    );
    for _ in 0..2 {
        assert_eq!(sign_in(&first, "wrong").await, 200);
    }
    assert_eq!(sign_in(&second, "right").await, 200);
    // What is given back is given back after the answer.
    let mut last = 429;
    for _ in 0..500 {
        last = sign_in(&second, "wrong").await;
        if last == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(last, 200);
    assert_eq!(sign_in(&first, "wrong").await, 429);
}

#[tokio::test]
async fn a_crew_behind_a_stranger_s_address_goes_on_when_the_hosts_together_have_heard_enough_of_him() {
    let redis = Redis::start();
    let (first, second) = (
        redis.host(an_hour_of(4, 5)).await,
        redis.host(an_hour_of(4, 5)).await,
    );
    for _ in 0..4 {
        assert_eq!(status(&first.get("/").await), 200);
    }
    assert_eq!(status(&second.get("/whoami").await), 429);
    assert_eq!(status(&second.get_with("/whoami", "Cookie: good\r\n").await), 200);
    assert_eq!(
        status(&second.get_with("/whoami", "Cookie: forged\r\n").await),
        429
    );
}

#[tokio::test]
async fn without_redis_each_host_counts_for_itself_at_once_and_with_it_together_again() {
    let mut redis = Redis::start();
    let (first, second) = (
        redis.host(an_hour_of(20, 5)).await,
        redis.host(an_hour_of(20, 5)).await,
    );
    for _ in 0..15 {
        assert_eq!(status(&first.get("/").await), 200);
    }
    redis.stop();
    // The second has counted nothing itself: its own limit holds, and no more than that gets through.
    let answers = join_all((0..30).map(|_| second.get("/"))).await;
    assert_eq!(answers.iter().filter(|answer| status(answer) == 200).count(), 20);
    until(|| second.shield.limits().trouble().is_some()).await;
    redis.start_again();
    until(|| first.shield.limits().trouble().is_none()).await;
    assert_eq!(status(&first.get("/").await), 200);
}

#[tokio::test]
async fn a_redis_that_hangs_holds_nobody_up_and_frees_nobody() {
    let redis = Redis::start();
    let host = redis.host(an_hour_of(3, 5)).await;
    redis.signal("-STOP");
    let answers = join_all((0..9).map(|_| host.get("/"))).await;
    redis.signal("-CONT");
    assert_eq!(answers.iter().filter(|answer| status(answer) == 200).count(), 3);
    until(|| host.shield.limits().trouble().is_none()).await;
}

#[test]
fn a_password_travels_to_another_machine_over_tls_or_not_at_all() {
    for url in ["redis://10.0.0.7:6379", "redis://cache.example/1"] {
        let refusal = RedisServer::check(url).unwrap_err().to_string();
        assert!(refusal.contains("rediss://"), "{refusal}");
    }
    for url in [
        "rediss://cache.example",
        "redis://127.0.0.1:6379/2",
        "redis://localhost",
        "unix:///run/redis.sock",
    ] {
        RedisServer::check(url).unwrap();
    }
    assert!(RedisServer::check("http://cache.example").is_err());
    let refusal = RedisServer::check("rediss://:secret@cache.example")
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("redis_password_file"), "{refusal}");
}
