//! Keeping the book in line with what other replicas of the Host change. Its own changes it takes in as each is
//! made.

use watchroom_store::{Changed, StoreError};

use crate::Defence;

impl Defence {
    pub(crate) async fn follow(&self, change: Changed) -> Result<(), StoreError> {
        match change {
            Changed::Ban(id) => self.reread(id).await,
            Changed::Everything => self.reread_all().await,
            Changed::User(_)
            | Changed::Session(_)
            | Changed::Token(_)
            | Changed::Node(_)
            | Changed::Server(_)
            | Changed::Lockout(_)
            | Changed::Lock(_)
            | Changed::Roles
            | Changed::Decoys
            | Changed::Authorities
            | Changed::Keys
            | Changed::Letters
            | Changed::Audit => Ok(()),
        }
    }
}
