//! What the database keeps of who this Host's machine is, beside the machine's own file.
//!
//! The statement is text that the machine has signed; what it says is nobody's business here. Each Host on a
//! database has a row of its own, found by the chain that it alone writes.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_kit::Ambient;
use watchroom_model::DecisionId;
use watchroom_policy::{Change, Permit, Resource, ResourceKind, act};
use watchroom_store::{Store, StoreError};

mod entity {
    //! The table of a Host's own facts.

    use sea_orm::entity::prelude::*;

    /// One fact.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "host")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The database's copy of who this machine is.
#[derive(Clone, Debug)]
pub struct MachineMemory {
    store: Store,
    key: String,
}

impl MachineMemory {
    /// Of the Host that writes to this store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self {
            key: format!("role {}", store.chain_name()),
            store: store.clone(),
        }
    }

    /// The statement, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn read(&self) -> Result<Option<String>, StoreError> {
        let read = self.store.read().await?;
        let row = read.one(entity::Entity::find_by_id(self.key.as_str())).await?;
        Ok(row.map(|row| row.value))
    }

    /// Keeps a statement, as Watchroom itself does when it starts; `what` tells the audit log why.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub async fn keep_house(&self, text: String, what: &str, ambient: &Ambient) -> Result<(), StoreError> {
        let house = Resource::all(ResourceKind::Host);
        let permit: Permit<act::KeepHouse> = Permit::of_house(&house, DecisionId::mint(ambient));
        self.keep(&permit, text, what).await
    }

    /// Keeps a statement that a person has decided for.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be kept.
    pub async fn repair(
        &self,
        permit: &Permit<act::RepairRole>,
        text: String,
        what: &str,
    ) -> Result<(), StoreError> {
        self.keep(permit, text, what).await
    }

    async fn keep<A: Change>(&self, permit: &Permit<A>, text: String, what: &str) -> Result<(), StoreError> {
        let (key, what) = (self.key.clone(), what.to_owned());
        self.store
            .write(permit, async move |tx| {
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::Value, Expr::value(text.clone()))
                    .filter(entity::Column::Key.eq(key.as_str()));
                if tx.update(update).await? == 0 {
                    tx.insert(entity::ActiveModel {
                        key: Set(key.clone()),
                        value: Set(text.clone()),
                    })
                    .await?;
                }
                tx.note("what", what.clone());
                Ok::<_, StoreError>(())
            })
            .await
    }
}
