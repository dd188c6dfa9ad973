//! Letters on their way to a real server, good and bad.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod room;
