//! Threads that give way: heavy computing that must not delay whoever else is served.

use std::io;
use std::time::Duration;

use rustix::process::{getpriority_process, setpriority_process};

/// How long such a thread computes at a time while nobody with shorter turns wakes. Any length beyond those of the others (some
/// milliseconds) lets them take the core at once; with equal ones they wait for the rest of the turn, which was the
/// greater part of what a request waited.
const TURN: Duration = Duration::from_millis(20);

/// Lets the calling thread, and no other, give way by `steps` of niceness, and leave the core at once to whoever wakes. Its share of
/// a busy machine is small, but it has one. There is no way back without privileges. Linux keeps the priority per
/// thread, which is what makes this one possible.
///
/// # Errors
/// What the operating system said.
pub fn give_way(steps: u8) -> io::Result<()> {
    let now = getpriority_process(None)?;
    let niceness = now.saturating_add(i32::from(steps));
    // Some sandboxes do not know turns.
    watchroom_system::run_in_turns_of(TURN, niceness).or_else(|_| Ok(setpriority_process(None, niceness)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest priority there is (nice(1)), where the kernel stops.
    const LOWEST: i32 = 19;

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
