//! Keeping what is held in line with what other replicas of the Host change. Its own changes a Host brings in
//! line itself, as each is made.

use std::collections::BTreeSet;

use sea_orm::EntityTrait;
use watchroom_model::{NodeId, ServerId};
use watchroom_store::{Changed, StoreError};

use crate::Fleet;
use crate::nodes::entity as node_entity;
use crate::servers::entity as server_entity;

impl Fleet {
    pub(crate) async fn follow(&self, change: Changed) -> Result<(), StoreError> {
        match change {
            Changed::Node(id) => self.reload_node(id).await,
            Changed::Server(id) => self.reload_server(id).await.map(drop),
            Changed::Everything => self.reload_all().await,
            Changed::Authorities => self.reload_authorities().await,
            Changed::User(_)
            | Changed::Session(_)
            | Changed::Token(_)
            | Changed::Ban(_)
            | Changed::Lockout(_)
            | Changed::Lock(_)
            | Changed::Roles
            | Changed::Decoys
            | Changed::Keys
            | Changed::Letters
            | Changed::Audit => Ok(()),
        }
    }

    /// Reads anew all that is held and all that there is.
    async fn reload_all(&self) -> Result<(), StoreError> {
        let read = self.store().read().await?;
        let mut nodes: BTreeSet<_> = self.known_nodes().keys().copied().collect();
        for row in read.all(node_entity::Entity::find()).await? {
            nodes.extend(row.id.parse::<NodeId>());
        }
        let mut servers: BTreeSet<_> = self.known_servers().keys().copied().collect();
        for row in read.all(server_entity::Entity::find()).await? {
            servers.extend(row.id.parse::<ServerId>());
        }
        drop(read);
        for id in nodes {
            self.reload_node(id).await?;
        }
        for id in servers {
            self.reload_server(id).await?;
        }
        self.reload_authorities().await
    }
}
