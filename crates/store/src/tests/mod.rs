//! Stories about a real database in a folder of its own.

mod auditing;
mod failing;
mod killing;
mod opening;
mod reading;
mod rows;
mod writing;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use sea_orm::ActiveValue::Set;
use tempfile::TempDir;
use watchroom_kit::Ambient;
use watchroom_model::DecisionId;
use watchroom_policy::{Act, Ask, Permit, Principal, Resource, ResourceKind, Trail, act, decide};

use crate::writer::Message;
use crate::{Settings, Store, StoreError};

/// Names the folder in which a test that was started again by itself plays the child.
const CHILD: &str = "WATCHROOM_STORE_TEST_CHILD";

/// The folder to work in, if this process is the child of a test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test tells its child process by the environment where to work"
)]
pub(super) fn as_child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test again, in a process of its own that can be killed or limited; `before` is shell to run first.
pub(super) fn child(test: &str, before: &str, folder: &Path) -> Child {
    Command::new("/bin/sh")
        .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A store of one's own.
pub(super) struct Room {
    pub(super) folder: TempDir,
    pub(super) store: Store,
    pub(super) ambient: Ambient,
}

impl Room {
    pub(super) async fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), Ambient::system()).await
    }

    pub(super) async fn open_in(folder: TempDir, ambient: Ambient) -> Self {
        let store = Store::open(settings(folder.path()), ambient.clone())
            .await
            .unwrap();
        Self {
            folder,
            store,
            ambient,
        }
    }

    pub(super) async fn reopen(self) -> Self {
        self.store.close().await;
        Self::open_in(self.folder, self.ambient).await
    }

    /// Writes one row with an entry.
    pub(super) async fn add(&self, name: &str) -> Result<String, StoreError> {
        add(&self.store, &self.ambient, name).await
    }

    /// A second connection, as somebody with a database shell would have.
    pub(super) fn shell(&self) -> Connection {
        let shell = Connection::open(database(self.folder.path())).unwrap();
        shell.busy_timeout(Duration::from_secs(10)).unwrap();
        shell
    }

    /// Works on the writer's own connection.
    pub(super) async fn meddle(&self, work: impl FnOnce(&Connection) + Send + 'static) {
        self.store.send(Message::Meddle(Box::new(work))).await.unwrap();
        // The writer answers in order, so after this the meddling is done.
        drop(self.store.head().await);
    }

    pub(super) fn count(&self, table: &str) -> i64 {
        self.shell()
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    }
}

pub(super) fn settings(state: &Path) -> Settings {
    Settings::within(state)
}

pub(super) fn database(state: &Path) -> PathBuf {
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
