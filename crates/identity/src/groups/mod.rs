//! Groups: several people who hold together what a group was given, at the scopes where it was given.
//!
//! Who is put into a group comes to what the group holds, so nobody puts in, or gives to a group, what they do not hold
//! themselves, and nobody strips those above them. The last administrator stays, by whatever group they are one. A
//! provider's word puts people into groups as it gives them roles: only at a sign-in there, and for sessions that began
//! there.

mod create;
mod error;
mod grants;
mod known;
mod list;
mod members;
mod remove;
mod rename;
mod source;
mod what_if;
mod within;

pub use error::GroupError;
pub use grants::NewGroupGrant;
pub(crate) use known::{Groups, Membership};
pub use list::{GroupView, HeldByGroup, Member};
pub(crate) use source::Source;
pub use what_if::GroupDraft;

use watchroom_model::GroupId;
use watchroom_policy::Permit;

/// The group that a permit was given for.
fn group_of<A: watchroom_policy::Act>(permit: &Permit<A>) -> Result<GroupId, GroupError> {
    let id = permit.resource().id().and_then(|id| id.parse().ok());
    id.ok_or(GroupError::NotFound)
}
