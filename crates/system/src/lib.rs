//! What only the C library can do, and no safe crate that we keep asks it for. This crate stands alone because it takes unsafe
//! code, which is forbidden everywhere else.

use std::io;

/// Gives whole pages that are free, also between others that are not, back to the system, and says whether there were
/// any. It looks at everything that is free and holds each arena for as long as it looks there, some milliseconds in
/// all: for a moment with little to do.
///
/// Only glibc has this; with another C library it does nothing.
pub fn give_back_memory() -> bool {
    #[cfg(target_env = "gnu")]
    return c::malloc_trim(0) == 1;
    #[cfg(not(target_env = "gnu"))]
    false
}

/// Lets the calling thread, and no other, run when nobody else of its control group wants to; whoever wakes takes its
/// place at once (`SCHED_IDLE`, sched(7)). Niceness alone lets it finish its turn first, which takes milliseconds.
///
/// On a machine without a moment to spare it hardly runs at all: somebody must be able to do its work in its place, and it
/// should hold no lock for long that others want.
///
/// # Errors
/// What the operating system said.
#[expect(unsafe_code, reason = "the function takes a pointer")]
pub fn run_last() -> io::Result<()> {
    let priority = c::Priority { priority: 0 };
    // SAFETY: the C library only reads, before it returns, one `struct sched_param`, and has one.
    let outcome = unsafe { c::sched_setscheduler(c::CALLING_THREAD, c::SCHED_IDLE, &raw const priority) };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Declarations as in the C library's headers, for Linux.
#[expect(unsafe_code, reason = "what is declared here is believed")]
mod c {
    use std::ffi::c_int;

    /// `pid_t` of whoever asks.
    pub(super) const CALLING_THREAD: c_int = 0;
    pub(super) const SCHED_IDLE: c_int = 5;

    /// `struct sched_param`.
    #[repr(C)]
    pub(super) struct Priority {
        pub(super) priority: c_int,
    }

    unsafe extern "C" {
        /// `malloc.h`. Proof that it is safe: it takes any number, may be called by any thread at any time, and touches only
        /// memory that nobody has (malloc_trim(3)).
        #[cfg(target_env = "gnu")]
        pub(super) safe fn malloc_trim(pad: usize) -> c_int;

        /// `sched.h`.
        pub(super) fn sched_setscheduler(thread: c_int, policy: c_int, priority: *const Priority) -> c_int;
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

    /// With musl the C library refuses.
    #[test]
    #[cfg(target_env = "gnu")]
    fn a_thread_runs_last_and_the_others_do_not() {
        // The 41st word of the file, proc(5).
        let policy = || {
            let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, after_name) = stat.rsplit_once(") ").unwrap();
            after_name.split(' ').nth(38).unwrap().to_owned()
        };
        let last = std::thread::spawn(move || {
            run_last().unwrap();
            policy()
        });
        assert_eq!(last.join().unwrap(), c::SCHED_IDLE.to_string());
        assert_eq!(policy(), "0");
    }
}
