//! Threads that give way: heavy computing that must not delay whoever else is served.

use std::io;

use rustix::process::{getpriority_process, setpriority_process};

/// The lowest priority there is (`nice(1)`).
const LOWEST: i32 = 19;

/// Lets the calling thread, and no other, give way by `steps` of niceness. There is no way back without
/// privileges. Linux keeps the priority per thread, which is what makes this one possible.
///
/// # Errors
/// What the operating system said.
pub fn give_way(steps: u8) -> io::Result<()> {
    let now = getpriority_process(None)?;
    Ok(setpriority_process(
        None,
        now.saturating_add(i32::from(steps)).min(LOWEST),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_gives_way_and_the_others_do_not() {
        let before = getpriority_process(None).unwrap();
        let lowered = std::thread::spawn(|| {
            give_way(5).unwrap();
            getpriority_process(None).unwrap()
        });
        assert_eq!(lowered.join().unwrap(), (before + 5).min(LOWEST));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
