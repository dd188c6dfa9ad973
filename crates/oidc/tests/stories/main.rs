//! Stories of providers that lie, and of one that does not, each over real TLS.

#[cfg(test)]
mod evil;
#[cfg(test)]
mod github;
#[cfg(test)]
mod refusals;
