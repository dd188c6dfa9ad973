//! The locks that hold, in memory, so that no request asks the database.

use std::collections::HashMap;

use watchroom_model::{NodeId, TokenId, UserId};

use super::LockTarget;

/// What is locked, and until when: of several locks on one thing the one that ends last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    until: HashMap<LockTarget, i64>,
}

impl Book {
    /// Of these locks, those that hold at `now`.
    pub(super) fn of(locks: impl IntoIterator<Item = (LockTarget, i64)>, now: i64) -> Self {
        let mut until: HashMap<LockTarget, i64> = HashMap::new();
        for (target, end) in locks.into_iter().filter(|(_, end)| *end > now) {
            let last = until.entry(target).or_insert(end);
            *last = end.max(*last);
        }
        Self { until }
    }

    /// Whether a lock stands in it that is over.
    pub(super) fn is_stale(&self, now: i64) -> bool {
        self.until.values().any(|until| *until <= now)
    }

    fn end(&self, target: &LockTarget) -> Option<i64> {
        self.until.get(target).copied()
    }

    /// Until when everything is locked.
    pub(crate) fn everything(&self) -> Option<i64> {
        self.end(&LockTarget::Everything)
    }

    /// Until when a person is locked, by a lock of their own or of everything.
    pub(crate) fn user(&self, user: UserId) -> Option<i64> {
        self.end(&LockTarget::User(user)).max(self.everything())
    }

    /// Until when a token is locked, by itself or with its owner.
    pub(crate) fn token(&self, token: TokenId, owner: UserId) -> Option<i64> {
        self.end(&LockTarget::Token(token)).max(self.user(owner))
    }

    /// Until when a node is locked by a lock of its own.
    pub(crate) fn node(&self, node: NodeId) -> Option<i64> {
        self.end(&LockTarget::Node(node))
    }

    /// Whether a role gives nothing.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        !self.until.is_empty() && self.end(&LockTarget::Role(role.to_owned())).is_some()
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::Ambient;

    use super::*;

    #[test]
    fn the_lock_that_ends_last_holds_and_one_of_everything_is_everybodys() {
        let ambient = Ambient::system();
        let (vera, olga) = (UserId::mint(&ambient), UserId::mint(&ambient));
        let token = TokenId::mint(&ambient);
        let locks = [
            (LockTarget::User(vera), 30),
            (LockTarget::User(vera), 20),
            (LockTarget::Token(token), 50),
            (LockTarget::Everything, 10),
            (LockTarget::Role("viewer".to_owned()), 5),
        ];
        let book = Book::of(locks.clone(), 0);
        assert_eq!((book.user(vera), book.user(olga)), (Some(30), Some(10)));
        assert_eq!(
            (book.token(token, vera), book.token(token, olga)),
            (Some(50), Some(50))
        );
        assert!(book.has_role("viewer") && !book.has_role("admin"));
        assert!(!book.is_stale(4) && book.is_stale(5));
        let later = Book::of(locks, 10);
        assert_eq!((later.user(olga), later.everything()), (None, None));
        assert!(!later.has_role("viewer"));
    }
}
