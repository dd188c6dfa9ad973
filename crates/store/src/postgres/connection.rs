//! A connection to PostgreSQL, as the store uses it: every call waits for the answer on its own thread.
//!
//! Round trips are what a change costs here. So statements whose answers nobody needs are held back and
//! travel with the next one that somebody does: the beginning of a transaction with its first statement,
//! and at [`Pace::Together`] all rows of a group, many to a statement, with the commit. A group of changes that
//! read nothing is then one round trip.

use std::cell::{Cell as Place, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use sea_orm::Statement;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Statement as Prepared};

use super::gather::{self, Gathered};
use super::pipeline::{self, Done, Step};
use super::session::{self, Use};
use super::{Server, refusal};
use crate::engine::{Connection, Pace, Row};
use crate::rows::{self, Cell, Rows};
use crate::schema::Engine;
use crate::{Changed, StoreError};

/// How long anything may take until we take the server for gone; above its own limits for statements.
const PATIENCE: Duration = Duration::from_secs(40);
/// Statements kept prepared. The product has fewer; searches with many conditions make some more.
const PREPARED: usize = 256;
/// Two changes of two replicas end as if one had come after the other, or one is done again.
const BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
const BEGIN_VIEW: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// In what state the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// There is none.
    None,
    /// It goes on.
    Open,
    /// The server only waits for its end.
    Aborted,
}

/// One session, driven by a runtime of its own.
pub(crate) struct PostgresConnection {
    client: Client,
    runtime: Runtime,
    /// By which others know that what we announce is not theirs.
    name: String,
    prepared: RefCell<HashMap<String, Prepared>>,
    standing: Place<Standing>,
    pace: Place<Pace>,
    /// What opens the transaction, until it is sent.
    opening: Place<Option<&'static str>>,
    gathered: RefCell<Gathered>,
}

impl PostgresConnection {
    pub(super) fn open(server: &Server, purpose: Use, name: &str) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Away(format!("no runtime for a connection: {error}")))?;
        let opened = runtime.block_on(async {
            let (client, mut messages) = session::begin(server, &format!("watchroom {name}")).await?;
            runtime.spawn(async move { while let Some(Ok(_)) = messages.next().await {} });
            session::set_up(&client, purpose).await?;
            Ok::<_, StoreError>(client)
        });
        Ok(Self {
            client: opened?,
            runtime,
            name: name.to_owned(),
            prepared: RefCell::default(),
            standing: Place::new(Standing::None),
            pace: Place::new(Pace::Apart),
            opening: Place::new(None),
            gathered: RefCell::default(),
        })
    }

    /// Runs some plain statements, one behind the other.
    pub(super) fn plain(&self, sql: &str) -> Result<(), StoreError> {
        self.converse(&[Step::Plain(sql.to_owned())]).map(drop)
    }

    /// The only number that a statement with texts gives.
    pub(super) fn number(&self, sql: &str, texts: &[&str]) -> Result<i64, StoreError> {
        self.rows(sql, texts)?.number()
    }

    /// The only text that a statement with texts gives.
    pub(super) fn text(&self, sql: &str, texts: &[&str]) -> Result<String, StoreError> {
        let found = self.rows(sql, texts)?.texts()?.pop();
        found.ok_or_else(|| StoreError::Database("a text was expected, not nothing".to_owned()))
    }

    fn rows(&self, sql: &str, texts: &[&str]) -> Result<Rows, StoreError> {
        let cells = texts.iter().map(|text| Cell::Text((*text).to_owned())).collect();
        let step = Step::Query(self.prepare(sql)?, cells);
        Ok(self.converse(&[step])?.rows())
    }

    fn prepare(&self, sql: &str) -> Result<Prepared, StoreError> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let prepared = self.wait(self.client.prepare(sql))?;
        let mut known = self.prepared.borrow_mut();
        if known.len() >= PREPARED {
            known.clear();
        }
        known.insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
        let limited = async { tokio::time::timeout(PATIENCE, work).await };
        match self.runtime.block_on(limited) {
            Ok(done) => done.map_err(|error| refusal::classify(&error)),
            Err(_) => Err(StoreError::Away("the server does not answer".to_owned())),
        }
    }

    /// Sends the steps in one go and takes their answers; the first that is refused is the answer to all.
    fn converse(&self, steps: &[Step]) -> Result<Done, StoreError> {
        self.wait(pipeline::run(&self.client, steps))
    }

    /// What is held back, as steps to send before whatever follows.
    fn held_back(&self) -> Result<Vec<Step>, StoreError> {
        let gathered = self.gathered.borrow_mut().take();
        let mut steps = Vec::new();
        for batch in gather::batches(gathered) {
            let (sql, columns) = batch?;
            steps.push(Step::Insert(self.prepare(&sql)?, columns));
        }
        // Prepared before the transaction begins, if it has not.
        if let Some(opening) = self.opening.take() {
            steps.insert(0, Step::Plain(opening.to_owned()));
        }
        Ok(steps)
    }

    /// Sends a statement with what is held back before it.
    fn send(&self, step: Step) -> Result<Done, StoreError> {
        let done = self.held_back().and_then(|mut steps| {
            steps.push(step);
            self.converse(&steps)
        });
        if done.is_err() {
            self.abort();
        }
        done
    }

    /// As [`Self::send`], but if the statement is refused the transaction is as it was.
    fn send_apart(&self, step: Step) -> Result<Done, StoreError> {
        let mut steps = self.held_back()?;
        steps.push(Step::Plain("SAVEPOINT statement".to_owned()));
        steps.push(step);
        steps.push(Step::Plain("RELEASE SAVEPOINT statement".to_owned()));
        let done = self.converse(&steps);
        if let Err(error) = &done {
            let is_mended = !error.ends_transaction()
                && self
                    .plain("ROLLBACK TO SAVEPOINT statement; RELEASE SAVEPOINT statement")
                    .is_ok();
            if !is_mended {
                self.abort();
            }
        }
        done
    }

    fn change(&self, step: Step) -> Result<Done, StoreError> {
        match (self.standing.get(), self.pace.get()) {
            (Standing::Open, Pace::Apart) => self.send_apart(step),
            _ => self.send(step),
        }
    }

    /// The transaction is lost: lets go of what it holds, and remembers that there is none.
    fn abort(&self) {
        self.gathered.borrow_mut().clear();
        if self.standing.get() == Standing::Open {
            self.standing.set(Standing::Aborted);
        }
    }

    /// Whether the server has closed the session by now.
    fn is_closed(&self) -> bool {
        self.runtime.block_on(async {
            // What arrived meanwhile is read when the runtime gets its turn.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        });
        self.client.is_closed()
    }

    fn open_with(&self, opening: &'static str) -> Result<(), StoreError> {
        if self.standing.get() == Standing::Aborted {
            self.roll_back()?;
        }
        if self.is_closed() {
            return Err(StoreError::Away("the server closed the session".to_owned()));
        }
        self.opening.set(Some(opening));
        self.standing.set(Standing::Open);
        Ok(())
    }
}

impl Connection for PostgresConnection {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn paces(&self) -> &'static [Pace] {
        &[Pace::Together, Pace::Apart]
    }

    fn query(&self, statement: Statement) -> Result<Rows, StoreError> {
        let cells = rows::bound(statement.values)?;
        let prepared = self.prepare(&statement.sql).inspect_err(|_| self.abort())?;
        Ok(self.change(Step::Query(prepared, cells))?.rows())
    }

    fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        let cells = rows::bound(statement.values)?;
        let prepared = self.prepare(&statement.sql).inspect_err(|_| self.abort())?;
        self.gathered.borrow_mut().note_sent();
        Ok(self.change(Step::Execute(prepared, cells))?.count())
    }

    fn insert(&self, row: Row) -> Result<(), StoreError> {
        self.gathered.borrow_mut().add(row);
        if self.standing.get() == Standing::Open && self.pace.get() == Pace::Together {
            return Ok(());
        }
        let (sql, columns) = gather::one(self.gathered.borrow_mut().take())?;
        let prepared = self.prepare(&sql).inspect_err(|_| self.abort())?;
        self.change(Step::Insert(prepared, columns)).map(drop)
    }

    fn begin(&self, pace: Pace) -> Result<(), StoreError> {
        self.pace.set(pace);
        self.open_with(BEGIN)
    }

    fn begin_view(&self) -> Result<(), StoreError> {
        self.pace.set(Pace::Together);
        self.open_with(BEGIN_VIEW)
    }

    fn announce(&self, changed: &[Changed]) -> Result<(), StoreError> {
        let told = changed.iter().map(|what| format!("{} {what}", self.name));
        self.gathered.borrow_mut().announcements = told.collect();
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        let told = std::mem::take(&mut self.gathered.borrow_mut().announcements);
        let mut steps = self.held_back().inspect_err(|_| self.abort())?;
        if !told.is_empty() {
            let notify = self
                .prepare(super::listen::NOTIFY)
                .inspect_err(|_| self.abort())?;
            steps.push(Step::Insert(
                notify,
                vec![gather::Column::Texts(told.into_iter().map(Some).collect())],
            ));
        }
        steps.push(Step::Plain("COMMIT".to_owned()));
        // Whatever comes of it, there is no transaction any more: a refused step makes the end an undoing.
        self.standing.set(Standing::None);
        self.converse(&steps).map(drop)
    }

    fn roll_back(&self) -> Result<(), StoreError> {
        self.gathered.borrow_mut().clear();
        let (was, unsent) = (self.standing.replace(Standing::None), self.opening.take());
        if was == Standing::None || unsent.is_some() {
            return Ok(());
        }
        self.plain("ROLLBACK")
    }

    fn mark(&self) -> Result<(), StoreError> {
        self.gathered.borrow_mut().mark();
        match self.pace.get() {
            Pace::Together => Ok(()),
            Pace::Apart => self.send(Step::Plain("SAVEPOINT mark".to_owned())).map(drop),
        }
    }

    fn keep(&self) -> Result<(), StoreError> {
        match self.pace.get() {
            Pace::Together => Ok(()),
            Pace::Apart => self
                .send(Step::Plain("RELEASE SAVEPOINT mark".to_owned()))
                .map(drop),
        }
    }

    fn go_back(&self) -> Result<(), StoreError> {
        match self.pace.get() {
            Pace::Together => self.gathered.borrow_mut().go_back(),
            Pace::Apart => self
                .send(Step::Plain(
                    "ROLLBACK TO SAVEPOINT mark; RELEASE SAVEPOINT mark".to_owned(),
                ))
                .map(drop),
        }
    }

    fn is_in_transaction(&self) -> bool {
        self.standing.get() == Standing::Open
    }
}
