//! Rows as the database keeps them: ids and JSON as text, times as microseconds since the Unix epoch.

pub(crate) mod grant;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
