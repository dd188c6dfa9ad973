//! What `up` and `host` say once everything answers: where the panel is and how to begin.
//!
//! The set-up code is a secret: on a terminal it is shown; anywhere else (a journal, a pipe) it goes to
//! `<state>/setup-code` (0600) and only its place is printed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use watchroom_kit::{ExposeSecret, SecretString, files};

/// Everything worth saying at the start.
#[derive(Debug)]
pub struct Announcement {
    /// Where the panel is, with the name people use (`https://host:7443`).
    pub panel: String,
    /// The one-time code for the first administrator, while there is none.
    pub setup_code: Option<SecretString>,
    /// SHA-256 of the panel's certificate, as pairs of hexadecimal digits with colons.
    pub certificate: String,
    /// The state folder.
    pub state: PathBuf,
    /// How many servers run already, because servers outlive the agent.
    pub running_servers: usize,
}

impl Announcement {
    /// Writes the text; `is_terminal` says whether a person reads it.
    ///
    /// # Errors
    /// If it cannot be written, or the code cannot be put into its file.
    pub fn write(&self, out: &mut dyn Write, is_terminal: bool) -> io::Result<()> {
        writeln!(out, "Watchroom is up:  {}", self.panel)?;
        match &self.setup_code {
            Some(code) if is_terminal => {
                let (panel, code) = (&self.panel, code.expose_secret());
                writeln!(
                    out,
                    "Create the first administrator (valid 1 hour, once):  {panel}/setup#code={code}"
                )?;
            }
            Some(code) => {
                let path = keep_setup_code(&self.state, code)?;
                let (panel, path) = (&self.panel, path.display());
                writeln!(
                    out,
                    "Create the first administrator (valid 1 hour, once):  {panel}/setup  with the code in {path}"
                )?;
            }
            None => {}
        }
        let state = self.state.display();
        writeln!(
            out,
            "Certificate SHA-256:  {}            State: {state}",
            self.certificate
        )?;
        match self.running_servers {
            0 => {}
            1 => writeln!(out, "1 server still runs from before.")?,
            many => writeln!(out, "{many} servers still run from before.")?,
        }
        out.flush()
    }
}

/// Where the set-up code lies when nobody watches the terminal.
#[must_use]
pub fn setup_code_path(state: &Path) -> PathBuf {
    state.join("setup-code")
}

fn keep_setup_code(state: &Path, code: &SecretString) -> io::Result<PathBuf> {
    let path = setup_code_path(state);
    files::replace(
        &path,
        format!("{}\n", code.expose_secret()).as_bytes(),
        files::PRIVATE_FILE,
    )?;
    Ok(path)
}

/// Removes a set-up code that is no longer good; that there was none is fine.
///
/// # Errors
/// What the system said.
pub fn forget_setup_code(state: &Path) -> io::Result<()> {
    match fs::remove_file(setup_code_path(state)) {
        Err(other) if other.kind() != io::ErrorKind::NotFound => Err(other),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn first_run(state: &Path) -> Announcement {
        Announcement {
            panel: "https://attic:7443".to_owned(),
            setup_code: Some(SecretString::from("k3y-0f-th3-d00r")),
            certificate: "AB:CD".to_owned(),
            state: state.to_owned(),
            running_servers: 2,
        }
    }

    fn said(announcement: &Announcement, is_terminal: bool) -> String {
        let mut out = Vec::new();
        announcement.write(&mut out, is_terminal).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_person_at_a_terminal_sees_the_link_with_the_code() {
        insta::assert_snapshot!(said(&first_run(Path::new("/var/lib/watchroom")), true), @r"
        Watchroom is up:  https://attic:7443
        Create the first administrator (valid 1 hour, once):  https://attic:7443/setup#code=k3y-0f-th3-d00r
        Certificate SHA-256:  AB:CD            State: /var/lib/watchroom
        2 servers still run from before.
        ");
    }

    #[test]
    fn a_journal_learns_only_where_the_code_is() {
        let room = tempfile::tempdir().unwrap();
        let text = said(&first_run(room.path()), false);
        assert!(!text.contains("k3y"), "{text}");
        let path = setup_code_path(room.path());
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "k3y-0f-th3-d00r\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        forget_setup_code(room.path()).unwrap();
        forget_setup_code(room.path()).unwrap();
        assert!(!path.exists());
    }
}
