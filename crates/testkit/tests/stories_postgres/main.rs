//! The same stories with the Host's memory on PostgreSQL, and those of several Hosts that share one.

#[cfg(test)]
mod cluster_ca;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod second_factors;
#[path = "../stories/main.rs"]
mod stories;
