//! Processes that live in a folder. Servers outlive the program that started them, so a story must find and
//! end its own.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The processes that run in `folder` or name it in their arguments: shims name it, servers run in it.
pub fn of(folder: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| *number != i32::try_from(std::process::id()).unwrap())
        .filter(|number| lives_in(*number, folder))
        .filter_map(Pid::from_raw)
        .collect()
}

fn lives_in(process: i32, folder: &Path) -> bool {
    let entry = Path::new("/proc").join(process.to_string());
    let runs_there = fs::read_link(entry.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    let arguments = fs::read(entry.join("cmdline")).unwrap_or_default();
    let wanted = folder.as_os_str().as_bytes();
    runs_there || arguments.windows(wanted.len()).any(|part| part == wanted)
}

/// Whether there is a process of this number that still runs: one that only waits to be reaped does not.
pub fn is_alive(process: u64) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("State:"))
        .is_some_and(|state| !state.trim_start().starts_with(['Z', 'X']))
}

/// Kills all of them, and those they start meanwhile.
pub fn end_all(folder: &Path) {
    for _ in 0..100 {
        let left = of(folder);
        if left.is_empty() {
            return;
        }
        for process in left {
            // Whatever has ended by itself in between is just as well.
            let _ended = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
