//! Stories of a node: real supervisors, real shims, real servers, each in a room of its own.

#[cfg(test)]
mod confined;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod outlives;
#[cfg(test)]
mod power;
#[cfg(test)]
mod room;
