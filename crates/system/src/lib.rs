//! What only the C library can do, and no safe crate that we keep asks it for. This crate stands alone because it takes unsafe
//! code, which is forbidden everywhere else.

use std::io;
use std::ptr;
use std::time::Duration;

/// The calling thread, as scheduling calls name it.
const THIS_THREAD: libc::pid_t = 0;

/// Gives whole pages that are free, also between others that are not, back to the system, and says whether there were
/// any. It looks at everything that is free and holds each arena for as long as it looks there, some milliseconds in
/// all: for a moment with little to do.
///
/// Only glibc has this; with another C library it does nothing.
pub fn give_back_memory() -> bool {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "a call of the C library")]
    // SAFETY: it takes any number, may be called by any thread at any time, and touches only memory that nobody has
    // (malloc_trim(3)).
    return unsafe { libc::malloc_trim(0) } == 1;
    #[cfg(not(target_env = "gnu"))]
    false
}

/// Lets the calling thread, and no other, run with `niceness` and in turns of `turn` from now on (sched_setattr(2)). Less
/// niceness than now takes privileges.
///
/// The kernel keeps niceness within -20 and 19 and a turn within 0.1 and 100 ms. Whoever wakes and has shorter ones takes the core at once, where otherwise they would
/// wait until the turn is over. Linux before 6.12 knows nothing of turns and sets the niceness alone.
///
/// # Errors
/// What the operating system said; then the thread runs as before.
pub fn run_in_turns_of(turn: Duration, niceness: i32) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: niceness,
        sched_priority: 0,
        sched_runtime: u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX),
        sched_deadline: 0,
        sched_period: 0,
    };
    #[expect(unsafe_code, reason = "a call of the C library")]
    // SAFETY: the kernel reads as many bytes as `size` says, which are those of `attributes`, and keeps no pointer.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            THIS_THREAD,
            ptr::from_ref(&attributes),
            0,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BLOCK: usize = 1024;
    const BLOCKS: usize = 64 * 1024;

    /// KiB of this process that are in memory and belong to no file.
    fn anonymous_kib() -> usize {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_is_free_between_what_is_not_goes_back() {
        let before = anonymous_kib();
        let mut blocks: Vec<_> = (0..BLOCKS).map(|number| vec![number as u8; BLOCK]).collect();
        let full = anonymous_kib();
        assert!((full - before) * 1024 > BLOCKS * BLOCK / 2, "{before} {full}");
        let mut number = 0;
        blocks.retain(|_| {
            number += 1;
            number % 256 == 0
        });
        assert!(give_back_memory());
        let left = anonymous_kib();
        assert!(left - before < (full - before) / 4, "{before} {full} {left}");
        assert_eq!(blocks.len(), BLOCKS / 256);
    }
    /// How the calling thread is scheduled.
    #[expect(unsafe_code, reason = "a call of the C library")]
    fn scheduled() -> libc::sched_attr {
        // SAFETY: all its fields are numbers, and nought is one.
        let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
        let size = size_of_val(&attributes);
        // SAFETY: the kernel writes at most `size` bytes, which are those of `attributes`, and keeps no pointer.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_sched_getattr,
                THIS_THREAD,
                ptr::from_mut(&mut attributes),
                size,
                0,
            )
        };
        assert_eq!(answer, 0, "{}", io::Error::last_os_error());
        attributes
    }

    #[test]
    fn one_thread_takes_long_turns_and_the_others_do_not() {
        let before = scheduled();
        let turn = Duration::from_millis(20);
        let nicer = (before.sched_nice + 5).min(19);
        let after = std::thread::spawn(move || {
            run_in_turns_of(turn, nicer).unwrap();
            scheduled()
        });
        let after = after.join().unwrap();
        assert_eq!(after.sched_nice, nicer);
        let knows_turns = before.sched_runtime != 0;
        let expected = if knows_turns { turn } else { Duration::ZERO };
        assert_eq!(u128::from(after.sched_runtime), expected.as_nanos());
        assert_eq!(scheduled().sched_nice, before.sched_nice);
        assert_eq!(scheduled().sched_runtime, before.sched_runtime);
    }
}
