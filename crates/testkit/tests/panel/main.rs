//! Stories about people at the panel: real store, real identity, real edge, every answer over the real router.

#[cfg(test)]
mod people;
#[cfg(test)]
mod room;
#[cfg(test)]
mod security;
#[cfg(test)]
mod servers;
