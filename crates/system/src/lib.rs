//! What only the C library can do, and no safe crate that we keep asks it for. This crate stands alone because it takes unsafe
//! code, which is forbidden everywhere else.

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

/// Declarations as in the C library's headers, for Linux.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "what is declared here is believed")]
mod c {
    use std::ffi::c_int;

    unsafe extern "C" {
        /// `malloc.h`. Proof that it is safe: it takes any number, may be called by any thread at any time, and touches only
        /// memory that nobody has (malloc_trim(3)).
        pub(super) safe fn malloc_trim(pad: usize) -> c_int;
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
}
