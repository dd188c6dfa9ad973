//! The same stories with the Host's memory on PostgreSQL, and those of several Hosts that share one.

#[cfg(test)]
#[path = "../stories/access/mod.rs"]
mod access;
#[cfg(test)]
#[path = "../stories/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "../stories/bad_input.rs"]
mod bad_input;
#[cfg(test)]
#[path = "../stories/fail_closed.rs"]
mod fail_closed;
#[cfg(test)]
#[path = "../stories/hidden.rs"]
mod hidden;
#[cfg(test)]
#[path = "../stories/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "../stories/idempotency.rs"]
mod idempotency;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod replicas;
#[cfg(test)]
#[path = "../stories/sessions.rs"]
mod sessions;
#[cfg(test)]
#[path = "../stories/stream.rs"]
mod stream;
#[cfg(test)]
#[path = "../stories/tokens.rs"]
mod tokens;
