//! Gives free memory back to the system. It stands alone because only the C library can do that, and asking it takes the
//! one piece of unsafe code of ours.

/// Gives whole pages that are free, also between others that are not, back to the system, and says whether there were
/// any. It looks at everything that is free and holds each arena for as long as it looks there, some milliseconds in
/// all: for a moment with little to do.
///
/// Only glibc has this; with another C library it does nothing.
pub fn give_back() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return glibc::malloc_trim(0) == 1;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "what is promised of a function of the C library")]
mod glibc {
    use std::ffi::c_int;

    // Proof: this is its declaration in `malloc.h`. It takes any number, may be called by any thread at any time, and
    // touches only memory that nobody has (malloc_trim(3)), so that calling it is safe.
    unsafe extern "C" {
        pub(super) safe fn malloc_trim(pad: usize) -> c_int;
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;

    const BLOCK: usize = 1024;
    const BLOCKS: usize = 64 * 1024;

    /// Pages of this process that are in memory and belong to no file.
    fn pages() -> usize {
        let counts = fs::read_to_string("/proc/self/statm").unwrap();
        let mut counts = counts
            .split(' ')
            .skip(1)
            .map(|count| count.parse::<usize>().unwrap());
        let (resident, of_files) = (counts.next().unwrap(), counts.next().unwrap());
        resident - of_files
    }

    #[test]
    fn what_is_free_between_what_is_not_goes_back() {
        let before = pages();
        let mut blocks: Vec<_> = (0..BLOCKS).map(|number| vec![number as u8; BLOCK]).collect();
        let full = pages();
        assert!((full - before) * 4096 > BLOCKS * BLOCK / 2, "{before} {full}");
        let mut number = 0;
        blocks.retain(|_| {
            number += 1;
            number % 256 == 0
        });
        assert!(super::give_back());
        let left = pages();
        assert!(left - before < (full - before) / 4, "{before} {full} {left}");
        assert_eq!(blocks.len(), BLOCKS / 256);
    }
}
