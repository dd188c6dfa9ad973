//! The disk fails to sync: a real `EIO` for the running program, put between it and the kernel by strace.

use std::fs;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::room::{PASSWORD, Room, wait_for};

/// While it lives, every sync of a process fails.
struct FailingDisk(Child);

impl FailingDisk {
    fn under(process: u32) -> Self {
        let strace = Command::new("strace")
            .args(["-f", "-q", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"])
            .args(["-e", "inject=fsync,fdatasync:error=EIO", "-p"])
            .arg(process.to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("strace: {error}; apt-get install strace"));
        let failing = Self(strace);
        wait_for("strace holds every thread", || is_traced(process).then_some(()));
        failing
    }

    /// Lets go of the process, which then goes on by itself.
    fn mend(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn is_traced(process: u32) -> bool {
    fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .all(|thread| {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap_or_default();
            status
                .lines()
                .find_map(|line| line.strip_prefix("TracerPid:"))
                .is_some_and(|tracer| tracer.trim() != "0")
        })
}

fn people(room: &Room) -> Vec<String> {
    let listed = room.json("user list");
    let people = listed["items"].as_array().unwrap().iter();
    people
        .map(|person| person["name"].as_str().unwrap().to_owned())
        .collect()
}

fn add(room: &Room, name: &str) -> Result<(), String> {
    let line = ["user", "create", name, "--role", "viewer", "--password-file", "-"];
    let ended = room.run_with(&line, PASSWORD);
    if ended.status.success() {
        Ok(())
    } else {
        Err(ended.errors)
    }
}

#[test]
fn nothing_is_acknowledged_while_the_disk_does_not_sync_and_all_is_well_when_it_does_again() {
    let mut room = Room::with_alice();
    let failing = FailingDisk::under(room.process());
    let refused = ["bob", "carol"].map(|name| add(&room, name).unwrap_err());
    for why in refused {
        assert!(why.contains("nothing was changed"), "{why}");
    }
    assert_eq!(people(&room), ["alice"], "what people read goes on");

    failing.mend();
    wait_for("changes are taken again", || add(&room, "dave").ok());
    assert_eq!(people(&room), ["alice", "dave"]);
    room.done("audit verify");

    room.kill();
    room.start();
    assert_eq!(people(&room), ["alice", "dave"], "the same after a crash");
    room.done("audit verify");
}
