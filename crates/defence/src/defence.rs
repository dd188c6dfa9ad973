//! The one value that knows who is kept out: opening it, keeping the edge true, and its own book in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_kit::Ambient;
use watchroom_model::BanId;
use watchroom_policy::{Change, Permit};
use watchroom_store::{Changed, Store, StoreError, follow};

use crate::bans::entity;
use crate::network::hits_loopback;
use crate::port::nameless;
use crate::{BanError, BanKind, BanStatus, BanView, Barred, Bystander, Bystanders, Config, Edge, Watch};

/// What defence is given of others.
#[derive(Clone)]
pub struct Ports {
    /// Keeps people out.
    pub edge: Arc<dyn Edge>,
    /// Knows whom a ban must not hit unasked.
    pub bystanders: Arc<dyn Bystanders>,
}

/// Bans and the evidence for them. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Defence(Arc<Inner>);

struct Inner {
    store: Store,
    config: Config,
    ambient: Ambient,
    ports: Ports,
    /// Held while rows are read and put in the book, so that an older reading never replaces a newer one.
    rereading: tokio::sync::Mutex<()>,
    /// Bans that hold or wait.
    book: Mutex<HashMap<String, entity::Model>>,
    watch: Mutex<Watch>,
    /// There were as many bans by evidence as may be when the last evidence was weighed.
    was_full: AtomicBool,
}

impl fmt::Debug for Defence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defence").finish_non_exhaustive()
    }
}

impl Defence {
    /// Reads the bans that hold, gives them to the edge, and follows what other replicas change.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read: nothing must be served before they are.
    pub async fn open(
        store: Store,
        config: Config,
        ports: Ports,
        ambient: Ambient,
    ) -> Result<Self, StoreError> {
        let changes = store.changes_elsewhere();
        let defence = Self(Arc::new(Inner {
            watch: Mutex::new(Watch::new(&config)),
            store,
            config,
            ambient,
            ports,
            rereading: tokio::sync::Mutex::default(),
            book: Mutex::default(),
            was_full: AtomicBool::new(false),
        }));
        defence.reread_all().await?;
        let follower = defence.clone();
        follow(
            "defence-follow-others",
            changes,
            defence.ambient(),
            move |change| {
                let follower = follower.clone();
                async move { follower.follow(change).await }
            },
        );
        defence.start_pruning();
        Ok(defence)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.0.ambient
    }

    /// What leads to bans here, and how long they last.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// How many bans hold now, and how many wait to be confirmed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let now = self.ambient().clock.now_micros();
        let book = self.book();
        let of = |status| book.values().filter(|row| row.status(now) == status).count();
        (of(BanStatus::Active), of(BanStatus::Held))
    }

    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, HashMap<String, entity::Model>> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom of one's own a ban of the network would hit.
    pub(crate) fn hit(&self, network: &IpNet) -> Option<Bystander> {
        if hits_loopback(network) {
            return Some(Bystander::ThisMachine);
        }
        self.0.ports.bystanders.hit(network)
    }

    /// Whether a ban that holds or waits covers the network with as much or more.
    pub(crate) fn is_settled(&self, network: &IpNet, kind: BanKind, now: i64) -> bool {
        self.book().values().any(|row| {
            let covers = row
                .network
                .parse::<IpNet>()
                .is_ok_and(|other| other.contains(network));
            let is_enough = row
                .kind()
                .is_some_and(|other| other == kind || other == BanKind::Attack);
            covers && is_enough && matches!(row.status(now), BanStatus::Active | BanStatus::Held)
        })
    }

    /// Whether as many bans by evidence hold or wait as may. Said in the log when it begins.
    pub(crate) fn is_full(&self, now: i64) -> bool {
        let by_evidence = |row: &&entity::Model| {
            row.step > 0 && matches!(row.status(now), BanStatus::Active | BanStatus::Held)
        };
        let most = usize::try_from(self.config().most).unwrap_or(usize::MAX);
        let is_full = self.book().values().filter(by_evidence).count() >= most;
        if is_full && !self.0.was_full.load(Ordering::Relaxed) {
            tracing::warn!(
                most,
                "as many networks are banned by evidence as may be (`bans.most`): more are refused, but not banned, until a ban is over; \
                 `watchroom ban list` shows them, and one ban of a whole network may do for many"
            );
        }
        self.0.was_full.store(is_full, Ordering::Relaxed);
        is_full
    }

    /// Writes a new ban down and lets it hold here.
    pub(crate) async fn keep<A: Change>(
        &self,
        permit: &Permit<A>,
        row: entity::Model,
    ) -> Result<BanView, BanError> {
        let id: BanId = row.id.parse().map_err(|_| BanError::NotFound)?;
        let written = row.clone();
        self.store()
            .write(permit, async move |tx| {
                tx.insert(new_row(&written)).await?;
                tx.note("network", written.network.clone());
                tx.note("kind", written.kind.clone());
                tx.note("reason", written.reason.clone());
                tx.note("step", written.step);
                tx.note("would_hit", nameless(written.held_because.as_deref()));
                tx.changed(Changed::Ban(id));
                Ok::<_, StoreError>(())
            })
            .await?;
        let view = BanView::of(row.clone(), row.created_at)?;
        self.settle(id, row).await;
        Ok(view)
    }

    /// Takes in what was just committed here. Should the database be away by now, what was written counts.
    pub(crate) async fn settle(&self, id: BanId, written: entity::Model) {
        if let Err(error) = self.reread(id).await {
            tracing::warn!(%error, "a ban could not be read again; it holds as it was written");
            self.learn(written);
        }
    }

    /// Takes a row as committed into the book, and tells the edge.
    fn learn(&self, row: entity::Model) {
        let now = self.ambient().clock.now_micros();
        let mut book = self.book();
        match row.status(now) {
            BanStatus::Active | BanStatus::Held => drop(book.insert(row.id.clone(), row)),
            BanStatus::Lifted | BanStatus::Over => drop(book.remove(&row.id)),
        }
        self.tell(&mut book, now);
    }

    pub(crate) async fn reread(&self, id: BanId) -> Result<(), StoreError> {
        let _turn = self.0.rereading.lock().await;
        let read = self.store().read().await?;
        if let Some(row) = read.one(entity::Entity::find_by_id(id.to_string())).await? {
            self.learn(row);
        }
        Ok(())
    }

    pub(crate) async fn reread_all(&self) -> Result<(), StoreError> {
        let _turn = self.0.rereading.lock().await;
        let now = self.ambient().clock.now_micros();
        let goes_on = Condition::any()
            .add(entity::Column::Until.is_null())
            .add(entity::Column::Until.gt(now));
        let select = entity::Entity::find()
            .filter(entity::Column::LiftedAt.is_null())
            .filter(goes_on);
        let rows = self.store().read().await?.all(select).await?;
        let mut book = self.book();
        *book = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        self.tell(&mut book, now);
        Ok(())
    }

    /// Called with the book in hand, so that the edge never hears an older list after a newer one.
    fn tell(&self, book: &mut HashMap<String, entity::Model>, now: i64) {
        book.retain(|_, row| !matches!(row.status(now), BanStatus::Over | BanStatus::Lifted));
        let active = book.values().filter(|row| row.status(now) == BanStatus::Active);
        let barred: Vec<Barred> = active.filter_map(entity::Model::barred).collect();
        self.0.ports.edge.bar(&barred);
    }
}

fn new_row(row: &entity::Model) -> entity::ActiveModel {
    entity::ActiveModel {
        id: Set(row.id.clone()),
        network: Set(row.network.clone()),
        kind: Set(row.kind.clone()),
        reason: Set(row.reason.clone()),
        evidence: Set(row.evidence.clone()),
        made_by: Set(row.made_by.clone()),
        step: Set(row.step),
        created_at: Set(row.created_at),
        until: Set(row.until),
        held_because: Set(row.held_because.clone()),
        confirmed_at: Set(row.confirmed_at),
        confirmed_by: Set(row.confirmed_by.clone()),
        lifted_at: Set(row.lifted_at),
        lifted_by: Set(row.lifted_by.clone()),
    }
}
