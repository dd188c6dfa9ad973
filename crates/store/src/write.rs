//! Writes: the only place with insert, update and delete, open only inside [`crate::Store::write`].

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DeleteMany, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    Statement, UpdateMany,
};
use serde_json::{Map, Value};
use watchroom_audit::{Draft, Outcome};
use watchroom_kit::Clock;
use watchroom_policy::{EventType, Refusal};

use crate::engine::Connection;
use crate::{Changed, StoreError, rows};

/// How long one change may take, its own statements included. It holds up everybody behind it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// How many rows one statement of [`WriteTx::update_each`] is for.
const ROWS_AT_ONCE: usize = 200;

/// One change on its way: rows, its audit entry, and what caches must hear.
pub struct WriteTx {
    conn: Rc<dyn Connection>,
    clock: Clock,
    started: Duration,
    notes: RefCell<Notes>,
}

/// What a change says about itself.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    extra: Map<String, Value>,
    result: Option<Outcome>,
    resource: Option<String>,
    refusal: Option<Box<Refusal>>,
    is_suspicious: bool,
    /// What caches must hear.
    pub(crate) changed: Vec<Changed>,
    /// The last failure of a statement, whatever the closure made of it: some tear the transaction down.
    pub(crate) failed: Option<StoreError>,
}

impl Notes {
    /// Writes what was noted into the entry.
    pub(crate) fn complete(&mut self, mut draft: Draft) -> Draft {
        if let Some(refusal) = self.refusal.take() {
            draft.event_type = EventType::AuthzDenied;
            draft.user = refusal.who;
            draft.action = refusal.spec.name.to_owned();
            draft.resource = refusal.resource.to_string();
            draft.result = Outcome::Denied;
            draft.come_by(&refusal.trail);
            draft.decision_id = Some(refusal.decision);
            draft
                .extra
                .insert("reason".to_owned(), Value::from(refusal.explanation.words));
        }
        if self.is_suspicious {
            draft.event_type = EventType::Suspicious;
        }
        draft.extra.append(&mut self.extra);
        draft.result = self.result.unwrap_or(draft.result);
        draft.resource = self.resource.take().unwrap_or(draft.resource);
        draft
    }
}

impl WriteTx {
    pub(crate) fn new(conn: Rc<dyn Connection>, clock: Clock) -> Self {
        let started = clock.elapsed();
        Self {
            conn,
            clock,
            started,
            notes: RefCell::default(),
        }
    }

    pub(crate) fn into_notes(self) -> Notes {
        self.notes.into_inner()
    }

    /// Inserts one row. It may be gathered with others and sent with them; if one of those is then refused, the
    /// whole closure runs again with each row sent at once, and meets the refusal here.
    ///
    /// # Errors
    /// [`StoreError::Taken`] with the constraint's name, or another [`StoreError`].
    pub async fn insert<A: ActiveModelTrait>(&self, row: A) -> Result<(), StoreError> {
        self.in_time()?;
        self.remember(self.conn.insert(rows::row(&row)?))
    }

    /// Updates the columns that are set, of the rows that the condition covers; how many rows that were.
    ///
    /// # Errors
    /// As [`WriteTx::insert`].
    pub async fn update<E: EntityTrait>(&self, update: UpdateMany<E>) -> Result<u64, StoreError> {
        self.execute(update.build(self.conn.engine().backend()))
    }

    /// Gives each row of these ids a value of its own in one column: a statement for some hundred rows.
    ///
    /// # Errors
    /// As [`WriteTx::insert`].
    pub async fn update_each<E: EntityTrait>(
        &self,
        id: E::Column,
        column: E::Column,
        values: &[(String, String)],
    ) -> Result<(), StoreError> {
        for some in values.chunks(ROWS_AT_ONCE) {
            let mut each = CaseStatement::new();
            for (row, value) in some {
                each = each.case(id.eq(row.as_str()), Expr::value(value.as_str()));
            }
            let rows = some.iter().map(|(row, _)| row.as_str());
            let update = E::update_many()
                .col_expr(column, each.into())
                .filter(id.is_in(rows));
            self.update(update).await?;
        }
        Ok(())
    }

    /// Deletes; how many rows that were.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if something still belongs to a row, or another [`StoreError`].
    pub async fn delete<E: EntityTrait>(&self, delete: DeleteMany<E>) -> Result<u64, StoreError> {
        self.execute(delete.build(self.conn.engine().backend()))
    }

    /// The first row of the select as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn one<E: EntityTrait>(&self, select: Select<E>) -> Result<Option<E::Model>, StoreError> {
        Ok(self.select(&select.limit(1))?.pop())
    }

    /// All rows of the select as this transaction sees them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, StoreError> {
        self.select(&select)
    }

    /// Adds a member to the entry's `extra`; names that look like secrets are redacted at any depth.
    pub fn note(&self, key: &'static str, value: impl Into<Value>) {
        self.notes.borrow_mut().extra.insert(key.to_owned(), value.into());
    }

    /// Marks the entry as a failure (of a sign-in, of an order) instead of a success.
    pub fn note_failure(&self) {
        self.notes.borrow_mut().result = Some(Outcome::Failure);
    }

    /// Marks the entry as denied.
    pub fn note_denied(&self) {
        self.notes.borrow_mut().result = Some(Outcome::Denied);
    }

    /// Marks the entry as denied, and as a thing that somebody should look at.
    pub fn note_suspicious(&self) {
        self.note_denied();
        self.notes.borrow_mut().is_suspicious = true;
    }

    /// Makes the entry tell of a refusal: who was refused what, from where, and why. Used with a permit to
    /// [`watchroom_policy::act::RecordRefusal`].
    pub fn note_refusal(&self, refusal: &Refusal) {
        self.notes.borrow_mut().refusal = Some(Box::new(refusal.clone()));
    }

    /// Names what the change was done to, where the permit could not know its id yet (`server:<id>`).
    pub fn note_resource(&self, resource: String) {
        self.notes.borrow_mut().resource = Some(resource);
    }

    /// Tells caches, once this is durable, that something changed.
    pub fn changed(&self, what: Changed) {
        self.notes.borrow_mut().changed.push(what);
    }

    pub(crate) fn is_late(&self) -> bool {
        self.clock.elapsed().saturating_sub(self.started) > DEADLINE
    }

    /// Runs the statements of a claim.
    pub(crate) fn on_connection<T>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.in_time()?;
        self.remember(work(&*self.conn))
    }

    fn select<E: EntityTrait>(&self, select: &Select<E>) -> Result<Vec<E::Model>, StoreError> {
        self.in_time()?;
        let statement = select.build(self.conn.engine().backend());
        self.remember(self.conn.query(statement))?.models::<E>()
    }

    fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        self.in_time()?;
        self.remember(self.conn.execute(statement))
    }

    fn in_time(&self) -> Result<(), StoreError> {
        if self.is_late() {
            Err(StoreError::Late)
        } else {
            Ok(())
        }
    }

    fn remember<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.notes.borrow_mut().failed = Some(error.clone());
        }
        result
    }
}

impl fmt::Debug for WriteTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTx")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
