//! Counters that the replicas share in Redis or Valkey: one script, and so one atomic step, per decision.
//!
//! When Redis does not answer within [`PATIENCE`], the connection is given up and every decision falls back at
//! once to this replica's own counters, until Redis has answered again. A request waits for Redis that long at
//! most, and never goes uncounted.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, Script, TlsCertificates};
use tokio::sync::Notify;
use watchroom_kit::{ExposeSecret, SecretString, Tasks};

use super::ring::{SLOTS, slot_ms};
use super::{Charge, SharedCounters, Standing, Verdict, tightest};

/// Longest wait for one decision, a thousand times what Redis takes on the same network.
const PATIENCE: Duration = Duration::from_millis(500);
/// Longest wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// Pause between attempts to connect.
const RETRY: Duration = Duration::from_millis(500);
/// What all our keys begin with.
const PREFIX: &str = "watchroom:limit:";
/// What is written to see whether anything can be.
const WRITABLE: &str = "watchroom:writable";

/// Why Redis cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The address is none.
    #[error("{why}; write redis://127.0.0.1:6379/0, rediss://user@host:6379/0 or unix:///path/to/socket")]
    Address {
        /// What is wrong with it.
        why: String,
    },
    /// It would carry the counters, and a password, over a network in clear text.
    #[error("{host} is another machine: write rediss:// so that it is spoken to over TLS")]
    InTheClear {
        /// The machine.
        host: String,
    },
    /// The configuration is shown to whoever administers; a password is not for all of them.
    #[error(
        "a password does not belong into the address; write it to a file of mode 0600 and name that in shield.limits.redis_password_file"
    )]
    PasswordInAddress,
    /// A file that the configuration names cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Where Redis is.
#[derive(Clone, Debug)]
pub struct RedisServer(Client);

impl RedisServer {
    /// Says whether an address can be used.
    ///
    /// # Errors
    /// [`RedisError`], as for [`RedisServer::new`].
    pub fn check(url: &str) -> Result<(), RedisError> {
        address(url).map(drop)
    }

    /// The server at an address, with a password that stands in no configuration file. `authorities` is a PEM
    /// file with those who may have signed its certificate; without one the system's are asked.
    ///
    /// # Errors
    /// [`RedisError`], if the address is none, would be spoken to in clear text, or a file cannot be read.
    pub fn new(
        url: &str,
        password: Option<&SecretString>,
        authorities: Option<&Path>,
    ) -> Result<Self, RedisError> {
        let mut info = address(url)?;
        if let Some(password) = password {
            let settings = info
                .redis_settings()
                .clone()
                .set_password(password.expose_secret());
            info = info.set_redis_settings(settings);
        }
        let unusable = |error: redis::RedisError| RedisError::Address {
            why: error.to_string(),
        };
        let client = match authorities {
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| RedisError::File {
                    path: path.to_owned(),
                    why: error.to_string(),
                })?;
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem),
                };
                Client::build_with_tls(info, certificates)
            }
            None => Client::open(info),
        };
        client.map(Self).map_err(unusable)
    }
}

fn address(url: &str) -> Result<redis::ConnectionInfo, RedisError> {
    let info = url.into_connection_info().map_err(|error| RedisError::Address {
        why: error.to_string(),
    })?;
    if info.redis_settings().password().is_some() {
        return Err(RedisError::PasswordInAddress);
    }
    match info.addr() {
        ConnectionAddr::Tcp(host, _) if !is_this_machine(host) => {
            Err(RedisError::InTheClear { host: host.clone() })
        }
        _ => Ok(info),
    }
}

fn is_this_machine(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.trim_matches(['[', ']']).parse();
    address.map_or_else(|_| host == "localhost", |address| address.is_loopback())
}

/// The counters in Redis. Cloning shares the connection.
#[derive(Clone)]
pub struct RedisCounters(Arc<Inner>);

struct Inner {
    server: RedisServer,
    state: Mutex<State>,
    /// Rung when a connection was given up.
    lost: Notify,
    tasks: Tasks,
    take: Script,
    give_back: Script,
}

enum State {
    Up(MultiplexedConnection),
    Away { why: String },
}

impl fmt::Debug for RedisCounters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisCounters")
            .field("trouble", &self.trouble())
            .finish_non_exhaustive()
    }
}

impl RedisCounters {
    /// Connects in the background, and again whenever the connection is lost, until `tasks` are stopped.
    #[must_use]
    pub fn connect(server: RedisServer, tasks: &Tasks) -> Self {
        let counters = Self(Arc::new(Inner {
            server,
            state: Mutex::new(State::Away {
                why: "not connected yet".to_owned(),
            }),
            lost: Notify::new(),
            tasks: tasks.clone(),
            take: Script::new(include_str!("take.lua")),
            give_back: Script::new(include_str!("give_back.lua")),
        }));
        drop(tasks.spawn("shared counters", counters.clone().keep()));
        counters
    }

    async fn keep(self) {
        loop {
            match self.0.server.open().await {
                Ok(connection) => {
                    tracing::info!("limits are counted together with the other Hosts, in Redis");
                    self.become_now(State::Up(connection));
                    self.0.lost.notified().await;
                }
                Err(error) => self.give_up(&error.to_string()),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        match &*self.0.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Up(connection) => Some(connection.clone()),
            State::Away { .. } => None,
        }
    }

    fn become_now(&self, state: State) {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Falls back to this replica's own counters. Said once in the log, however many requests find out.
    fn give_up(&self, why: &str) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = !matches!(&*state, State::Away { why: known } if known == why);
        if is_news {
            tracing::warn!(
                "Redis does not answer ({why}): limits are counted by this Host alone until it does; \
                 `shield.limits.redis_url` says where it is"
            );
        }
        if matches!(*state, State::Up(_)) {
            self.0.lost.notify_one();
        }
        *state = State::Away { why: why.to_owned() };
    }

    async fn ask(&self, charge: Charge<'_>) -> Option<Verdict> {
        let mut connection = self.connection()?;
        let mut call = self.0.take.key(key(&charge));
        call.arg(SLOTS);
        for window in charge.windows {
            call.arg(window.limit).arg(window.per_s).arg(slot_ms(*window));
        }
        let answer = tokio::time::timeout(PATIENCE, call.invoke_async::<Vec<u64>>(&mut connection)).await;
        match answer {
            Ok(Ok(answer)) => verdict(&charge, &answer),
            Ok(Err(error)) => {
                self.give_up(&error.to_string());
                None
            }
            Err(_) => {
                self.give_up(&format!("no answer within {} ms", PATIENCE.as_millis()));
                None
            }
        }
    }

    async fn undo(self, key: String) {
        let Some(mut connection) = self.connection() else {
            return;
        };
        let call = self.0.give_back.key(key);
        let call = call.invoke_async::<u64>(&mut connection);
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.give_up(&error.to_string()),
            Err(_) => self.give_up(&format!("no answer within {} ms", PATIENCE.as_millis())),
        }
    }
}

impl RedisServer {
    async fn open(&self) -> Result<MultiplexedConnection, redis::RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(Some(CONNECT_PATIENCE));
        let mut connection = self
            .0
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        // One that is full or only a copy answers all but this, and would be given up again at the first request.
        redis::cmd("SET")
            .arg(WRITABLE)
            .arg(1)
            .arg("PX")
            .arg(1_000)
            .query_async::<()>(&mut connection)
            .await?;
        Ok(connection)
    }
}

impl SharedCounters for RedisCounters {
    fn take<'a>(&'a self, charge: Charge<'a>) -> BoxFuture<'a, Option<Verdict>> {
        self.ask(charge).boxed()
    }

    fn give_back(&self, charge: Charge<'_>) {
        // Whoever waits for the answer to a request need not wait for this.
        drop(
            self.0
                .tasks
                .spawn("shared counters: give back", self.clone().undo(key(&charge))),
        );
    }

    fn trouble(&self) -> Option<String> {
        match &*self.0.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Up(_) => None,
            State::Away { why } => Some(why.clone()),
        }
    }
}

fn key(charge: &Charge<'_>) -> String {
    format!("{PREFIX}{}", charge.key.shared(charge.class))
}

/// The script's answer in our words; `None` if it is not one.
fn verdict(charge: &Charge<'_>, answer: &[u64]) -> Option<Verdict> {
    let (has_room, standings) = answer.split_first()?;
    let standings = charge
        .windows
        .iter()
        .zip(standings.chunks_exact(2))
        .filter_map(|(window, two)| {
            Some(Standing {
                window: *window,
                remaining: u32::try_from(*two.first()?).ok()?,
                reset_ms: *two.get(1)?,
            })
        });
    tightest(charge.class, standings, *has_room == 0)
}
