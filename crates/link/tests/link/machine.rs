//! A small agent: remembers its answers by key, keeps reports, and has one console of ten lines.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use time::OffsetDateTime;
use tokio::sync::{Notify, broadcast, watch};
use watchroom_link::{Agent, AgentError, ConsoleFrom, Envelope};
use watchroom_model::console::{ConsoleEvent, Line, Source};
use watchroom_model::{
    BanNews, Desired, Heartbeat, Inquiry, Jail, Look, Order, OrderOutcome, Sample, ServerId, ServerOrder,
    ServerReport, ServerStatus, Share,
};

/// The agent.
pub struct Machine {
    pub done: AtomicUsize,
    /// Orders wait here while it is closed.
    pub is_held: watch::Sender<bool>,
    pub begun: Notify,
    /// Orders that proved nothing, with why.
    pub disbelieved: Mutex<Vec<(String, String)>>,
    /// What was not shown, with why.
    pub unseen: Mutex<Vec<(Look, String)>>,
    /// What it was told of bans.
    pub told: watch::Sender<Vec<BanNews>>,
    /// Why it did not believe what it was told.
    pub unheard: watch::Sender<Option<String>>,
    /// It answers the next news as if it had missed some.
    pub is_astray: AtomicBool,
    /// Bytes of text of each line of a console.
    pub line_bytes: AtomicUsize,
    answers: Mutex<HashMap<String, OrderOutcome>>,
    reports: Mutex<BTreeMap<ServerId, ServerReport>>,
    changes: broadcast::Sender<ServerReport>,
    lines: broadcast::Sender<Line>,
    next_line: AtomicU64,
}

pub fn line(offset: u64) -> Line {
    let at = OffsetDateTime::UNIX_EPOCH;
    Line {
        offset,
        at,
        source: Source::Stdout,
        text: format!("line {offset}"),
    }
}

impl Machine {
    pub fn new() -> Self {
        Self {
            done: AtomicUsize::new(0),
            is_held: watch::Sender::new(false),
            begun: Notify::new(),
            disbelieved: Mutex::default(),
            unseen: Mutex::default(),
            told: watch::Sender::default(),
            unheard: watch::Sender::default(),
            is_astray: AtomicBool::new(false),
            line_bytes: AtomicUsize::new(0),
            answers: Mutex::default(),
            reports: Mutex::default(),
            changes: broadcast::Sender::new(8),
            lines: broadcast::Sender::new(64),
            next_line: AtomicU64::new(10),
        }
    }

    pub fn report(&self, id: ServerId, status: ServerStatus) -> ServerReport {
        let report = ServerReport {
            id,
            desired: Desired::Running,
            status,
            reason: "started by alice".to_owned(),
            pid: None,
            started_at: None,
            exit_code: None,
            limited_by: "none".to_owned(),
        };
        self.reports.lock().unwrap().insert(id, report.clone());
        drop(self.changes.send(report.clone()));
        report
    }

    /// Says something of a server, whatever it is.
    pub fn claim(&self, report: ServerReport) {
        self.reports.lock().unwrap().insert(report.id, report.clone());
        drop(self.changes.send(report));
    }

    pub fn say(&self) {
        drop(
            self.lines
                .send(line(self.next_line.fetch_add(1, Ordering::SeqCst))),
        );
    }
}

#[async_trait]
impl Agent for Machine {
    async fn order(&self, envelope: Envelope) -> OrderOutcome {
        if let Some(answer) = self.answers.lock().unwrap().get(&envelope.key) {
            return answer.clone();
        }
        self.begun.notify_one();
        drop(
            self.is_held
                .subscribe()
                .wait_for(|is_held| !is_held)
                .await
                .unwrap(),
        );
        self.done.fetch_add(1, Ordering::SeqCst);
        let outcome = match envelope.order {
            Order::Server(ServerOrder::Start(id)) => OrderOutcome::Done {
                report: Some(self.report(id, ServerStatus::Running)),
            },
            Order::Server(ServerOrder::Stop(_)) => OrderOutcome::AlreadySo { report: None },
            _ => OrderOutcome::Refused {
                code: "not_allowed_here".to_owned(),
                why: "not on this node".to_owned(),
            },
        };
        self.answers.lock().unwrap().insert(envelope.key, outcome.clone());
        outcome
    }

    async fn disbelieved(&self, envelope: Envelope, why: String) {
        self.disbelieved.lock().unwrap().push((envelope.key, why));
    }

    async fn disbelieved_look(&self, inquiry: Inquiry, why: String) {
        self.unseen.lock().unwrap().push((inquiry.look, why));
    }

    async fn bans(&self, news: BanNews) -> Result<u64, AgentError> {
        let version = news.version;
        self.told.send_modify(|told| told.push(news));
        Ok(if self.is_astray.swap(false, Ordering::SeqCst) {
            0
        } else {
            version
        })
    }

    async fn jail(&self) -> Result<Jail, AgentError> {
        Err(AgentError::NotAllowed("not on this node".to_owned()))
    }

    async fn disbelieved_bans(&self, why: String) {
        self.unheard.send_replace(Some(why));
    }

    fn metrics(&self, _: OffsetDateTime) -> Vec<Sample> {
        Vec::new()
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            name: "harbour".parse().unwrap(),
            version: "0.1.0".to_owned(),
            port: 0,
            server_count: u32::try_from(self.reports.lock().unwrap().len()).unwrap(),
            load: 0.25,
            memory: Share::default(),
            disk: Share::default(),
            clock: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn reports(&self) -> (Vec<ServerReport>, broadcast::Receiver<ServerReport>) {
        let changes = self.changes.subscribe();
        (self.reports.lock().unwrap().values().cloned().collect(), changes)
    }

    async fn console(
        &self,
        server: ServerId,
        from: ConsoleFrom,
        follow: bool,
    ) -> Result<BoxStream<'static, ConsoleEvent>, AgentError> {
        if !self.reports.lock().unwrap().contains_key(&server) {
            return Err(AgentError::NoSuchServer(server));
        }
        // Listened to before it is looked at, so that no line falls between.
        let lines = self.lines.subscribe();
        let next = self.next_line.load(Ordering::SeqCst);
        let first = match from {
            ConsoleFrom::Last(count) => next - u64::from(count),
            ConsoleFrom::Offset(offset) => offset,
        };
        let bytes = self.line_bytes.load(Ordering::SeqCst);
        let long = |offset| {
            let mut line = line(offset);
            line.text.push_str(&"x".repeat(bytes));
            line
        };
        let before =
            stream::iter((first < next).then(|| ConsoleEvent::Lines((first..next).map(long).collect())));
        if !follow {
            return Ok(before.boxed());
        }
        let after = stream::unfold(lines, async |mut lines| Some((lines.recv().await.ok()?, lines)));
        let after = after
            .filter(move |line| std::future::ready(line.offset >= next))
            .map(|line| ConsoleEvent::Lines(vec![line]));
        Ok(before.chain(after).boxed())
    }
}
