//! The behaviour stories: what people and programs outside meet, told over real TLS against a whole room.

#[cfg(test)]
mod access;
#[cfg(test)]
mod around;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bad_way;
#[cfg(test)]
pub mod bans;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod client_certificates;
mod crowds;
#[cfg(test)]
mod decoys;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod fail2ban;
#[cfg(test)]
mod fail_closed;
#[cfg(test)]
mod first_way;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod hidden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod inspection;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod links;
#[cfg(test)]
mod lockouts;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod mail;
#[cfg(test)]
pub mod node_bans;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod power;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod role_rates;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod second_factors;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sign_in_rate;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod strength;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod whereabouts;
