//! Grants: who was given which role, where. Nobody gives more than they hold there, and the last administrator stays.

mod error;
mod give;
mod list;
mod take;
mod who_can;

pub use error::GivingError;
pub use give::NewGrantFor;
pub use list::{GrantFilter, GrantListed};
pub use who_can::{Ability, MayDo};
