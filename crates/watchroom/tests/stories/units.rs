//! The units for systemd, as systemd itself reads and judges them; none has to run.

use std::fs;
use std::path::Path;
use std::process::Command;

use watchroom_testkit_folder::Folder;

/// How exposed a unit may be, in tenths of systemd's points: up to 20 it is fine. The agent is root, for its servers' accounts.
const EXPOSED: [(&str, u32); 2] = [("watchroom-host.service", 20), ("watchroom-node.service", 70)];

fn analyze(arguments: &[&str], unit: &Path) -> (bool, String) {
    let ended = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output()
        .unwrap_or_else(|error| panic!("systemd-analyze: {error}; apt-get install systemd"));
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    (ended.status.success(), said.into_owned())
}

#[test]
fn the_units_are_right_and_hold_the_program_to_what_it_needs() {
    let folder = Folder::new();
    for (name, most) in EXPOSED {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../contrib/systemd")
            .join(name);
        let text = fs::read_to_string(shipped).unwrap();
        let installed = "/usr/local/bin/watchroom ";
        assert!(text.contains(installed), "{name}");
        // Where it is installed there is nothing here.
        let unit = folder.path().join(name);
        let here = format!("{} ", env!("CARGO_BIN_EXE_watchroom"));
        fs::write(&unit, text.replace(installed, &here)).unwrap();
        assert_eq!(analyze(&["verify"], &unit), (true, String::new()), "{name}");
        let threshold = format!("--threshold={most}");
        let (is_fine, said) = analyze(&["security", "--offline=true", "--no-pager", &threshold], &unit);
        assert!(is_fine, "{name}: {said}");
    }
}
