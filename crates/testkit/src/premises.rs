//! Where a machine of a test stands: a folder of its own. What was started in it and still runs ends with it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use watchroom_testkit_folder::Folder;

/// A folder, until it is dropped; then nothing is left of it and of the servers in it.
pub(crate) struct Premises(Folder);

impl Premises {
    /// A new, empty folder that other accounts get through, as servers may run as one and have their folders in it.
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let passable = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(folder.path(), passable).expect("an owned folder");
        Self(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The shims whose folder is below this one: its path is an argument of theirs.
    fn shims(&self) -> Vec<i32> {
        let path = self.path().as_os_str().as_encoded_bytes();
        let names = |pid: i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.windows(path.len()).any(|part| part == path)
        };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        pids.filter(|pid| names(*pid)).collect()
    }
}

/// Servers and their shims outlive any agent, but not their story, even when it fails and closes nothing.
impl Drop for Premises {
    fn drop(&mut self) {
        for shim in self.shims() {
            let children = std::fs::read_to_string(format!("/proc/{shim}/task/{shim}/children"));
            let children = children.unwrap_or_default();
            let servers = children.split_whitespace().filter_map(|child| child.parse().ok());
            for server in servers.filter_map(Pid::from_raw) {
                // Each is a process group of its own; one that has ended already is as good as killed.
                let _ = kill_process_group(server, Signal::KILL);
            }
            let _ = Pid::from_raw(shim).map(|shim| kill_process(shim, Signal::KILL));
        }
    }
}
