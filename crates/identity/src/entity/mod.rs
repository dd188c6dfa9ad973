//! Rows as the database keeps them: ids and JSON as text, times as microseconds since the Unix epoch.

pub(crate) mod decoy_token;
pub(crate) mod grant;
pub(crate) mod group;
pub(crate) mod group_grant;
pub(crate) mod group_member;
pub(crate) mod guess;
pub(crate) mod lock;
pub(crate) mod lockout;
pub(crate) mod one_time_link;
pub(crate) mod outside_identity;
pub(crate) mod passkey;
pub(crate) mod recovery_code;
pub(crate) mod role;
pub(crate) mod sealing_key;
pub(crate) mod session;
pub(crate) mod spent_errand;
pub(crate) mod token;
pub(crate) mod totp_factor;
pub(crate) mod user;
