//! File descriptors: as many as the system allows, and no more connections than they carry.
//!
//! The soft limit is 1,024 on most systems, for the sake of old programs that cannot count further. We can;
//! servers may not be able to, so their shims go back to it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: files, databases, sockets, pipes, and connections that are told
/// that there are too many.
const KEPT: u64 = 256;
/// The usual soft limit.
const USUAL: u64 = 1_024;

/// Raises the soft limit to the hard one.
pub fn raise() {
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: now.maximum,
        ..now
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(error = %error, "the limit of open files cannot be raised; fewer connections are taken");
    }
}

/// Goes back to the usual soft limit, for what is started from here on; whoever needs more may raise it again.
pub fn lower() {
    let now = getrlimit(Resource::Nofile);
    let usual = now.current.map_or(USUAL, |current| current.min(USUAL));
    let wanted = Rlimit {
        current: Some(usual),
        ..now
    };
    // Lowering one's own soft limit is never refused, and nobody could be told here.
    let _ = setrlimit(Resource::Nofile, wanted);
}

/// The most connections that may be open: those configured, or fewer where the system allows fewer files.
#[must_use]
pub fn most_connections(configured: usize) -> usize {
    let most = fitting(configured, getrlimit(Resource::Nofile).current);
    if most < configured {
        tracing::warn!(
            connections = most,
            configured,
            "shield.connections is more than the limit of open files carries; raise that (LimitNOFILE=, ulimit -n) or lower the setting"
        );
    }
    most
}

fn fitting(configured: usize, files: Option<u64>) -> usize {
    let carried = files.map_or(u64::MAX, |files| files.saturating_sub(KEPT).max(1));
    configured.min(usize::try_from(carried).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(fitting(10_000, Some(1_024)), 768);
        assert_eq!(fitting(10_000, Some(524_288)), 10_000);
        assert_eq!(fitting(10_000, None), 10_000);
        assert_eq!(fitting(10_000, Some(100)), 1);
    }
}
