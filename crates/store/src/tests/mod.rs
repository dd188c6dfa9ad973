//! Stories about a real database in a folder of its own.

mod on_postgres;
mod on_sqlite;
mod rows;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection as Shell;
use sea_orm::ActiveValue::Set;
use watchroom_kit::Ambient;
use watchroom_model::DecisionId;
use watchroom_policy::{Act, Ask, Permit, Principal, Resource, ResourceKind, Trail, act, decide};
use watchroom_testkit_folder::Folder;
use watchroom_testkit_postgres::TestDatabase;

use crate::engine::Connection;
use crate::writer::Message;
use crate::{Config, Settings, Store, StoreError};

/// Names the folder in which a test that was started again by itself plays the child.
const CHILD: &str = "WATCHROOM_STORE_TEST_CHILD";
/// Names the database of a child that plays on PostgreSQL.
const CHILD_URL: &str = "WATCHROOM_STORE_TEST_URL";

/// The settings to work with, if this process is the child of a test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test tells its child process by the environment where to work"
)]
pub(super) fn as_child() -> Option<Settings> {
    let folder = std::env::var_os(CHILD).map(PathBuf::from)?;
    Some(settings(&folder, std::env::var(CHILD_URL).ok()))
}

/// This test again, in a process of its own that can be killed or limited; `before` is shell to run first.
pub(super) fn child(test: &str, before: &str, folder: &Path, url: Option<String>) -> Child {
    // Tests are named without their crate.
    let test = test.split_once("::").map_or(test, |(_, test)| test);
    let mut child = Command::new("/bin/sh");
    child
        .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, folder)
        .envs(url.map(|url| (CHILD_URL, url)))
        .stdout(Stdio::piped());
    child.spawn().unwrap()
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// On which engine a story is told.
pub(super) trait Ground {
    /// How many rooms a property may open.
    const CASES: u32;

    /// A database for it, beside the folder that each has.
    fn database() -> Option<Arc<TestDatabase>>;
}

#[derive(Debug)]
pub(super) struct Sqlite;

impl Ground for Sqlite {
    const CASES: u32 = 24;

    fn database() -> Option<Arc<TestDatabase>> {
        None
    }
}

#[derive(Debug)]
pub(super) struct Postgres;

impl Ground for Postgres {
    /// A fresh database costs a second on a busy machine.
    const CASES: u32 = 8;

    fn database() -> Option<Arc<TestDatabase>> {
        Some(Arc::new(TestDatabase::fresh()))
    }
}

/// A store of one's own.
pub(super) struct Room<G> {
    pub(super) store: Store,
    pub(super) ambient: Ambient,
    pub(super) folder: Folder,
    pub(super) database: Option<Arc<TestDatabase>>,
    ground: PhantomData<G>,
}

impl<G: Ground> Room<G> {
    /// How many of these a property may open.
    pub(super) const CASES: u32 = G::CASES;

    /// A database for a story that opens its store itself.
    pub(super) fn database() -> Option<Arc<TestDatabase>> {
        G::database()
    }

    pub(super) async fn open() -> Self {
        Self::open_with(Ambient::system()).await
    }

    pub(super) async fn open_with(ambient: Ambient) -> Self {
        Self::open_in(Folder::new(), G::database(), ambient).await
    }

    pub(super) async fn open_in(
        folder: Folder,
        database: Option<Arc<TestDatabase>>,
        ambient: Ambient,
    ) -> Self {
        let url = database.as_ref().map(|database| database.url());
        let store = Store::open(settings(folder.path(), url), ambient.clone())
            .await
            .unwrap();
        Self {
            store,
            ambient,
            folder,
            database,
            ground: PhantomData,
        }
    }

    pub(super) async fn reopen(self) -> Self {
        self.store.close().await;
        Self::open_in(self.folder, self.database, self.ambient).await
    }

    pub(super) fn settings(&self) -> Settings {
        settings(
            self.folder.path(),
            self.database.as_ref().map(|database| database.url()),
        )
    }

    /// Writes one row with an entry.
    pub(super) async fn add(&self, name: &str) -> Result<String, StoreError> {
        add(&self.store, &self.ambient, name).await
    }

    /// Does something as somebody with a database shell would.
    pub(super) fn run(&self, sql: &str) {
        match &self.database {
            Some(database) => database.run(sql),
            None => shell(self.folder.path()).execute_batch(sql).unwrap(),
        }
    }

    /// The only number that a select gives.
    pub(super) fn number(&self, select: &str) -> i64 {
        match &self.database {
            Some(database) => database.ask(select).parse().unwrap(),
            None => shell(self.folder.path())
                .query_row(select, [], |row| row.get(0))
                .unwrap(),
        }
    }

    pub(super) fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    /// Works on the writer's own connection.
    pub(super) async fn meddle(&self, work: impl FnOnce(&dyn Connection) + Send + 'static) {
        self.store.send(Message::Meddle(Box::new(work))).await.unwrap();
        // The writer answers in order, so after this the meddling is done.
        drop(self.store.head().await);
    }
}

/// A second connection to a file.
pub(super) fn shell(state: &Path) -> Shell {
    let shell = Shell::open(file(state)).unwrap();
    shell.busy_timeout(Duration::from_secs(10)).unwrap();
    shell
}

pub(super) fn settings(state: &Path, url: Option<String>) -> Settings {
    let config = Config {
        url,
        ..Config::default()
    };
    Settings {
        server: config.server().unwrap(),
        ..Settings::within(state)
    }
}

pub(super) fn file(state: &Path) -> PathBuf {
    state.join("db/watchroom.db")
}

pub(super) fn permit<A: Act>(ambient: &Ambient, act: A) -> Permit<A> {
    let principal = Arc::new(if matches!(act_needs::<A>(), watchroom_policy::Needs::System) {
        Principal::system()
    } else {
        Principal::local("root")
    });
    let trail = Trail {
        source_ip: Some([192, 0, 2, 7].into()),
        user_agent: Some("curl/8".into()),
        ..Trail::default()
    };
    let ask = Ask {
        principal: &principal,
        trail: &trail,
        decision: DecisionId::mint(ambient),
        now: ambient.now(),
    };
    decide(&ask, act, &Resource::all(ResourceKind::Server)).unwrap()
}

fn act_needs<A: Act>() -> watchroom_policy::Needs {
    A::SPEC.needs
}

pub(super) async fn add(store: &Store, ambient: &Ambient, name: &str) -> Result<String, StoreError> {
    let row = rows::node(&ambient.uuid().to_string(), name);
    let id = row.id.clone().unwrap();
    let added = name.to_owned();
    store
        .write(&permit(ambient, act::CreateServer), async move |tx| {
            tx.note("name", added.clone());
            tx.insert(rows::nodes::ActiveModel {
                version: Set("1".into()),
                ..row.clone()
            })
            .await
        })
        .await?;
    Ok(id)
}
