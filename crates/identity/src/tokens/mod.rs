//! API tokens: made once and shown once, recognised without the database, and never stronger than their owner.

mod bearer;
mod create;
mod list;
mod revoke;
pub(crate) mod text;

pub(crate) use bearer::Bearer;
pub use bearer::TokenFault;
pub use create::{CreateTokenError, IssuedToken, NewToken, TokenDraft};
pub use list::TokenView;
pub use text::TokenKind;
pub(crate) use text::make;
