//! The way by which the first administrator came, and that it stays open: nobody is locked out of a machine they rent.

use std::fmt;
use std::io;

use watchroom_shield::{Network, Passed};

/// What of somebody's way the configuration does not allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedWay {
    /// The host name or address by which they asked, without its port.
    pub host: Option<String>,
    /// The network from which they asked for administration.
    pub network: Option<Network>,
}

/// Knows which ways are open, and opens them for good.
pub trait Ways: fmt::Debug + Send + Sync + 'static {
    /// What of the way by which this request came is closed to all but set-up.
    fn closed(&self, passed: &Passed) -> ClosedWay;

    /// Opens a way from now on, and after a restart.
    ///
    /// # Errors
    /// If that cannot be kept; it is open until the Host ends.
    fn open(&self, way: &ClosedWay) -> io::Result<()>;
}
