//! Where orders come in: each is done exactly once per key, over crashes too, and keeps its first answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use watchroom_audit::Outcome;
use watchroom_link::Envelope;
use watchroom_model::{Inquiry, MachineOrder, Order, OrderOutcome, ServerId, ServerOrder, ServerSpec};

use super::descent::Descent;
use super::house::House;
use super::keeper::{Begun, Command, Keeper};
use super::standing::{Kept, Standing};
use crate::account;
use crate::claims::Claims;
use crate::gate;
use crate::ledger;
use crate::memory::{Ordered, Record};
use crate::process::boot;
use crate::refusal::Refusal;

/// An order left without an answer by a crash longer ago than this is not taken up again: whoever gave
/// it has long been told that it timed out.
const STALE: Duration = Duration::from_secs(300);

/// An order under way: its fingerprint, and where its answer will be.
type UnderWay = (String, watch::Receiver<Option<OrderOutcome>>);

/// Takes orders.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) house: Arc<House>,
    /// The machine is going down.
    pub(super) descent: Mutex<Option<Arc<Descent>>>,
    under_way: Mutex<HashMap<String, UnderWay>>,
    /// One creation at a time, so that a name or an account is not given twice.
    creating: tokio::sync::Mutex<()>,
}

impl Desk {
    /// A desk for this house.
    pub(super) fn new(house: Arc<House>) -> Self {
        Self {
            house,
            descent: Mutex::default(),
            under_way: Mutex::default(),
            creating: tokio::sync::Mutex::default(),
        }
    }

    /// Does an order, or gives the answer of the first time. Whoever asks may stop waiting: it is done anyway.
    pub(super) async fn order(self: &Arc<Self>, envelope: Envelope) -> OrderOutcome {
        let mut answer = match self.claim(envelope) {
            Ok(answer) => answer,
            Err(outcome) => return *outcome,
        };
        match answer.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Refusal::Interrupted.into()),
            Err(_) => Refusal::Interrupted.into(),
        }
    }

    /// Writes down an order that was not believed to come from the Host.
    pub(super) async fn disbelieved(&self, envelope: &Envelope, why: &str) {
        let now = self.house.ambient.now();
        if let Err(error) = self.house.audit(ledger::denied(envelope, why, now)).await {
            tracing::error!(%error, "an order that was not believed is not in the node's audit: {why}");
        }
    }

    /// Writes down that somebody wanted to look at something, and was not believed to be let by the Host.
    pub(super) async fn disbelieved_look(&self, inquiry: &Inquiry, why: &str) {
        let now = self.house.ambient.now();
        if let Err(error) = self.house.audit(ledger::not_shown(inquiry, why, now)).await {
            tracing::error!(%error, "an inquiry that was not believed is not in the node's audit: {why}");
        }
    }

    /// Writes down that news of bans were not believed to come from the Host.
    pub(super) async fn disbelieved_bans(&self, why: &str) {
        let now = self.house.ambient.now();
        if let Err(error) = self.house.audit(ledger::not_heard(why, now)).await {
            tracing::error!(%error, "news of bans that were not believed are not in the node's audit: {why}");
        }
    }

    /// Where the answer to this order will be: of the first time it came, if it came before.
    fn claim(
        self: &Arc<Self>,
        envelope: Envelope,
    ) -> Result<watch::Receiver<Option<OrderOutcome>>, Box<OrderOutcome>> {
        let print = fingerprint(&envelope.order);
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let reused = || Box::new(Refusal::KeyReused.into());
        if let Some((before, answer)) = under_way.get(&envelope.key) {
            return if *before == print {
                Ok(answer.clone())
            } else {
                Err(reused())
            };
        }
        if let Some(answer) = self
            .house
            .known(|known| known.answers.get(&envelope.key).cloned())
        {
            return Err(if answer.print == print {
                Box::new(answer.outcome)
            } else {
                reused()
            });
        }
        let (answers, answer) = watch::channel(None);
        under_way.insert(envelope.key.clone(), (print.clone(), answer.clone()));
        let desk = self.clone();
        self.house.tasks.spawn("order", async move {
            let outcome = desk.carry_out(envelope.clone()).await;
            desk.answer(&envelope, print, outcome, &answers).await;
        });
        Ok(answer)
    }

    /// Takes up the orders that the last agent left without an answer.
    pub(super) fn take_up(self: &Arc<Self>) {
        let left = self
            .house
            .known(|known| known.ordered.values().cloned().collect::<Vec<_>>());
        for ordered in left {
            let (key, print) = (ordered.envelope.key.clone(), fingerprint(&ordered.envelope.order));
            let (answers, answer) = watch::channel(None);
            let under_way = (print.clone(), answer);
            self.under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, under_way);
            let desk = self.clone();
            self.house.tasks.spawn("order", async move {
                let envelope = ordered.envelope.clone();
                let outcome = desk.take_up_one(ordered).await;
                desk.answer(&envelope, print, outcome, &answers).await;
            });
        }
    }

    /// Keeps the answer and gives it to all who wait.
    async fn answer(
        &self,
        envelope: &Envelope,
        print: String,
        outcome: OrderOutcome,
        answers: &watch::Sender<Option<OrderOutcome>>,
    ) {
        let at = self.house.ambient.now();
        let key = envelope.key.clone();
        if let Err(error) = self.house.audit(ledger::done(envelope, &outcome, at)).await {
            // It was done all the same; that it was allowed is written down already.
            tracing::error!(order.key = key, %error, "what became of an order is not in the node's audit");
        }
        let record = Record::Answered {
            key: key.clone(),
            print,
            outcome: outcome.clone(),
            at,
        };
        let noted = self.house.note(record).await;
        answers.send_replace(Some(outcome));
        match noted {
            Ok(()) => drop(
                self.under_way
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&key),
            ),
            // It stays where the same key finds it, for as long as this agent lives.
            Err(error) => tracing::error!(order.key = key, %error, "an answer cannot be written down"),
        }
    }

    async fn carry_out(self: &Arc<Self>, envelope: Envelope) -> OrderOutcome {
        let decided = gate::allows(&self.house.settings, &envelope.order);
        let now = self.house.ambient.now();
        let entry = match &decided {
            Ok(()) => ledger::about(&envelope, "decided", Outcome::Success, now),
            Err(refusal) => ledger::denied(&envelope, &refusal.to_string(), now),
        };
        // What cannot be written down is not done.
        if let Err(refusal) = self.house.audit(entry).await.and(decided) {
            return refusal.into();
        }
        let (run, boot) = match &envelope.order {
            Order::Server(order) => (self.run_of(order.server()), None),
            Order::Machine(_) => (None, Some(boot())),
        };
        let ordered = Ordered {
            envelope: envelope.clone(),
            run,
            boot,
            at: self.house.ambient.now(),
        };
        if let Err(refusal) = self.house.note(Record::Ordered(Box::new(ordered))).await {
            return refusal.into();
        }
        self.perform(envelope).await
    }

    /// After a crash nobody knows how far an order had come: what is so decides. An order that could not be
    /// told apart from its repetition is not repeated.
    async fn take_up_one(self: &Arc<Self>, ordered: Ordered) -> OrderOutcome {
        if self.house.ambient.now() - ordered.at > STALE {
            return Refusal::Interrupted.into();
        }
        let order = match &ordered.envelope.order {
            Order::Server(order) => order,
            // Another boot is what was ordered; in the same one nobody knows whether the machine was told.
            Order::Machine(MachineOrder::Restart | MachineOrder::ShutDown)
                if ordered.boot.as_ref().is_some_and(|before| *before != boot()) =>
            {
                return OrderOutcome::Done { report: None };
            }
            // Whoever was let out is out; whoever was not is let out now.
            Order::Machine(MachineOrder::Unjail { .. }) => {
                return match self.perform(ordered.envelope).await {
                    OrderOutcome::AlreadySo { report } => OrderOutcome::Done { report },
                    outcome => outcome,
                };
            }
            Order::Machine(_) => return Refusal::Interrupted.into(),
        };
        let id = order.server();
        let has_new_run = self.run_of(id).is_some_and(|run| Some(run) != ordered.run);
        match order {
            ServerOrder::Restart(_) if has_new_run => OrderOutcome::Done {
                report: self.house.post(id).map(|post| post.report.borrow().clone()),
            },
            // Its shim knows the keys of the lines it took, but it is not the same shim any more.
            ServerOrder::SendLine { .. } if self.run_of(id) != ordered.run => Refusal::Interrupted.into(),
            _ => match self.perform(ordered.envelope).await {
                // What is already so became so by this very order.
                OrderOutcome::AlreadySo { report } => OrderOutcome::Done { report },
                outcome => outcome,
            },
        }
    }

    fn run_of(&self, id: ServerId) -> Option<uuid::Uuid> {
        self.house
            .known(|known| known.servers.get(&id).and_then(|(_, standing)| standing.run))
    }

    async fn perform(self: &Arc<Self>, envelope: Envelope) -> OrderOutcome {
        // The answer must be on its way before the Host stops waiting for it.
        let patience = envelope.deadline.mul_f64(0.8);
        match envelope.order {
            Order::Server(order) => self.serve(envelope.key, order, envelope.by, patience).await,
            Order::Machine(order) => self.machine(order, envelope.by, patience).await,
        }
    }

    async fn serve(&self, key: String, order: ServerOrder, by: String, patience: Duration) -> OrderOutcome {
        let id = order.server();
        if let (ServerOrder::Start(_) | ServerOrder::Restart(_), Err(refusal)) = (&order, self.stays_up()) {
            return refusal.into();
        }
        let (reply, begun) = oneshot::channel();
        let command = match order {
            ServerOrder::Create(spec) => {
                return self.create(*spec, &by).await.unwrap_or_else(OrderOutcome::from);
            }
            ServerOrder::Remove(_) if self.house.post(id).is_none() => {
                return OrderOutcome::AlreadySo { report: None };
            }
            ServerOrder::Remove(_) => Command::Remove(by, reply),
            ServerOrder::Start(_) => Command::Start(by, reply),
            ServerOrder::Stop(_) => Command::Stop(by, reply),
            ServerOrder::Restart(_) => Command::Restart(by, reply),
            ServerOrder::SendLine { line, .. } => match check_line(&line) {
                Ok(()) => Command::Line {
                    key,
                    text: line,
                    reply,
                },
                Err(refusal) => return refusal.into(),
            },
        };
        self.command(id, command, begun, patience)
            .await
            .unwrap_or_else(OrderOutcome::from)
    }

    /// Gives a command to a server's keeper and waits for what comes of it, within `patience`.
    async fn command(
        &self,
        id: ServerId,
        command: Command,
        begun: oneshot::Receiver<Result<Begun, Refusal>>,
        patience: Duration,
    ) -> Result<OrderOutcome, Refusal> {
        let no_such = || Refusal::NoSuchServer { id };
        let post = self.house.post(id).ok_or_else(no_such)?;
        let is_removal = matches!(command, Command::Remove(..));
        post.inbox.send(command).await.map_err(|_| no_such())?;
        let report = match begun.await.map_err(|_| Refusal::Interrupted)?? {
            Begun::AlreadySo(report) => return Ok(OrderOutcome::AlreadySo { report: Some(report) }),
            Begun::Done(report) => (!is_removal).then_some(report),
            Begun::Underway(settles) => match timeout(patience, settles).await {
                Ok(settled) => settled.map_err(|_| Refusal::Interrupted)??,
                // It goes on; the report says that it is still ending, and later ones how it went.
                Err(_) => Some(post.report.borrow().clone()),
            },
        };
        Ok(OrderOutcome::Done { report })
    }

    /// Keeps a new server from now on.
    async fn create(&self, spec: ServerSpec, by: &str) -> Result<OrderOutcome, Refusal> {
        spec.check()?;
        let _turn = self.creating.lock().await;
        if let Some(post) = self.house.post(spec.id) {
            let report = post.report.borrow().clone();
            let is_same = post.kept.spec == spec;
            return if is_same {
                Ok(OrderOutcome::AlreadySo { report: Some(report) })
            } else {
                Err(Refusal::IdTaken { id: spec.id })
            };
        }
        if self
            .house
            .roster()
            .values()
            .any(|post| post.kept.spec.name == spec.name)
        {
            return Err(Refusal::NameTaken {
                name: spec.name.to_string(),
            });
        }
        let id = spec.id;
        let others = self
            .house
            .roster()
            .values()
            .map(|post| post.kept.spec.clone())
            .collect();
        let spec = self.foresee(spec, others).await?;
        let kept = self.with_account(Kept { account: None, spec }).await?;
        self.house.note(Record::Kept(Box::new(kept.clone()))).await?;
        let standing = Standing::new(by);
        self.house
            .note(Record::Stands {
                id,
                standing: Box::new(standing.clone()),
            })
            .await?;
        let (keeper, post) = Keeper::new(self.house.clone(), kept, standing);
        let report = post.report.borrow().clone();
        self.house.roster().insert(id, post);
        self.house.tasks.spawn("keeper", keeper.run());
        // Without a listener there is nobody to tell.
        drop(self.house.reports.send(report.clone()));
        Ok(OrderOutcome::Done { report: Some(report) })
    }

    /// Checks what the machine can say of a server that is not there yet.
    async fn foresee(&self, spec: ServerSpec, others: Vec<ServerSpec>) -> Result<ServerSpec, Refusal> {
        let house = self.house.clone();
        let foreseen = spawn_blocking(move || {
            gate::foresee(&house.settings, &spec, &others)?;
            Ok(spec)
        });
        // Only a runtime that shuts down drops the call.
        foreseen.await.map_err(|_| Refusal::Interrupted)?
    }

    /// Gives the server an account of its own, if we are root and it asks for no other.
    async fn with_account(&self, kept: Kept) -> Result<Kept, Refusal> {
        if !account::are_we_root() || kept.spec.run_as.is_some() {
            return Ok(kept);
        }
        let (mut taken, last): (BTreeSet<u32>, _) = self.house.known(|known| {
            let accounts = known.servers.values().filter_map(|(kept, _)| kept.account);
            (accounts.map(|account| account.uid).collect(), known.last_account)
        });
        let house = self.house.clone();
        let account = spawn_blocking(move || {
            taken.extend(account::in_use(&house.settings.servers));
            account::unused(&taken, last, &Claims::of(&house.settings.state))
        });
        let account = account.await.map_err(|_| Refusal::Interrupted)?;
        let account = account.ok_or(Refusal::NoAccountLeft)?;
        self.house.note(Record::LastAccount { uid: account.uid }).await?;
        Ok(Kept {
            account: Some(account),
            ..kept
        })
    }
}

fn check_line(line: &str) -> Result<(), Refusal> {
    if line.len() > ServerSpec::LONGEST_TEXT || line.contains(['\n', '\0']) {
        let why = "a line has at most 4,096 bytes, and no line end or NUL character inside".to_owned();
        return Err(Refusal::LineNotTaken { why });
    }
    Ok(())
}

/// Tells whether two orders are the same one.
fn fingerprint(order: &Order) -> String {
    // An order is plain text and numbers: it always has a JSON form.
    let form = serde_json::to_vec(order).unwrap_or_default();
    blake3::hash(&form).to_hex().to_string()
}
