//! Locks: for a while, a person, a token, a node, a role or everything is out of use.
//!
//! A lock is committed before whoever made it is told so, and holds on every replica within a second. What it means for
//! people and tokens stands in their [`watchroom_policy::Principal`]: the evaluator refuses whoever has one, whichever
//! way they came; a locked role gives nothing. A request asks memory alone. Root on the Unix socket is nobody's to lock.

mod book;
mod error;
mod follow;
mod lift;
mod list;
mod make;
mod target;

use std::sync::Arc;

use watchroom_model::LockId;
use watchroom_policy::{
    Act, PermissionSet, Permit, Principal, Refusal, Resource, ResourceKind, Trail, act, permission,
};
use watchroom_store::StoreError;

pub(crate) use book::Book;
pub use error::LockError;
pub use list::{LockFilter, LockView};
pub use make::NewLock;
pub use target::{LockTarget, LockTargetError};

use crate::Identity;
use crate::users::{all_of, held_everywhere};

impl Identity {
    /// What to ask leave for before a lock is made.
    #[must_use]
    pub fn draft_lock(&self) -> Resource {
        Resource::lock(LockId::mint(&self.inner.ambient))
    }

    /// Turns away somebody who has just proven who they are and whom a lock keeps out; it is written down. Whoever has
    /// proven nothing learns nothing of it.
    pub(crate) async fn find_unlocked<E>(&self, principal: &Arc<Principal>, trail: &Trail) -> Result<(), E>
    where
        E: From<Box<Refusal>> + From<StoreError>,
    {
        let own = principal
            .user()
            .map_or(Resource::all(ResourceKind::User), Resource::user);
        let Err(refusal) = self.permit(principal, trail, act::SeeSelf, &own) else {
            return Ok(());
        };
        let permit = self.permit(&Arc::new(Principal::stranger()), trail, act::FailSignIn, &own)?;
        let reason = refusal.explanation.words.clone();
        let noted = self.inner.store.write(&permit, async move |tx| {
            tx.note_failure();
            tx.note("reason", reason.as_str());
            Ok::<_, StoreError>(())
        });
        noted.await?;
        Err(refusal.into())
    }

    /// Finds out whether somebody holds as much as whom they lock or open again: nobody shuts out those above them.
    fn is_within_own<A: Act>(&self, permit: &Permit<A>, target: &LockTarget) -> Result<(), LockError> {
        let least = match target {
            LockTarget::User(user) => {
                let account = self.inner.roll.account(*user).ok_or(LockError::NoTarget)?;
                all_of(&account.grants)
            }
            LockTarget::Token(token) => {
                let bearer = self.inner.roll.token_by_id(*token);
                let owner = bearer.and_then(|bearer| self.inner.roll.account(bearer.owner));
                all_of(&owner.ok_or(LockError::NoTarget)?.grants)
            }
            LockTarget::Node(_) => PermissionSet::of(&[permission::NODES_MODIFY]),
            LockTarget::Role(name) => self.role(name).ok_or(LockError::NoTarget)?.permissions,
            LockTarget::Everything => PermissionSet::ALL,
        };
        match held_everywhere(permit.principal()).covers(least) {
            true => Ok(()),
            false => Err(LockError::MoreThanOwn),
        }
    }
}
