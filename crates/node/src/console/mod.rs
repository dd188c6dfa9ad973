//! A server's console on disk: written by its shim in bounded segments, read by any number of viewers.
//!
//! A viewer reads the segments itself, from its own place and at its own speed, so no viewer can slow
//! the server, nor make anybody's memory grow; what retention dropped before it came by is counted.
//! Nothing is synced per line: after a power cut the last lines may be missing.

mod block;
mod intake;
mod reader;
mod segments;
mod view;
mod writer;

pub(crate) use intake::Intake;
pub(crate) use reader::{Reader, Start};
pub(crate) use view::view;
pub(crate) use writer::{Bounds, Writer};
