//! Secrets from a file, standard input or a prompt; never from an argument, where every process sees them.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use watchroom_kit::{FaultKind, SecretString};

use crate::failure::Failure;

/// No secret of ours is longer; whoever gives more has named the wrong file.
const LONGEST: u64 = 64 * 1024;

/// Reads the secret called `what`: from `file`, or for `-` from standard input, which on a terminal is a
/// prompt without echo. The last line end is not part of it.
pub(super) fn read(file: &Path, what: &str) -> Result<SecretString, Failure> {
    let text = match file.as_os_str() == "-" {
        true if io::stdin().is_terminal() => {
            prompt(what).map_err(|error| unread(what, "the terminal", &error))?
        }
        true => bounded(io::stdin().lock()).map_err(|error| unread(what, "standard input", &error))?,
        false => {
            let opened = fs::File::open(file).and_then(bounded);
            opened.map_err(|error| unread(what, &file.display().to_string(), &error))?
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        let cause = format!("the {what} read from {} is empty", file.display());
        return Err(Failure::new(FaultKind::Invalid, cause));
    }
    Ok(SecretString::from(text))
}

/// As [`read`], and with no file given a prompt if there is a terminal.
pub(super) fn read_or_ask(file: Option<&Path>, what: &str, flag: &str) -> Result<SecretString, Failure> {
    match file {
        Some(file) => read(file, what),
        None if io::stdin().is_terminal() => read(Path::new("-"), what),
        None => {
            let cause = format!("there is no terminal to ask for the {what}");
            Err(Failure::new(FaultKind::Invalid, cause)
                .next_step(format!("give {flag} FILE (`-` is standard input)")))
        }
    }
}

fn bounded(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is longer than 64 KiB",
        ));
    }
    Ok(text)
}

fn unread(what: &str, place: &str, error: &io::Error) -> Failure {
    Failure::new(
        FaultKind::Invalid,
        format!("cannot read the {what} from {place}: {error}"),
    )
}

fn prompt(what: &str) -> io::Result<String> {
    let mut screen = io::stderr();
    write!(screen, "{what}: ")?;
    screen.flush()?;
    let silence = Silence::start()?;
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text);
    drop(silence);
    writeln!(screen)?;
    read.map(|_| text)
}

/// A terminal that does not show what is typed, until dropped.
struct Silence(Termios);

impl Silence {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that went away needs no restoring.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use watchroom_kit::ExposeSecret;

    use super::*;

    #[test]
    fn one_line_end_is_dropped_and_nothing_else() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("password");
        for (written, read_back) in [("s e c ", "s e c "), ("a\n\n", "a\n"), ("a\r\n", "a")] {
            fs::write(&file, written).unwrap();
            assert_eq!(read(&file, "password").unwrap().expose_secret(), read_back);
        }
    }

    #[test]
    fn an_empty_or_absent_file_is_named() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("password");
        let absent = read(&file, "password").unwrap_err();
        assert!(absent.render(false).contains("cannot read the password from"));
        fs::write(&file, "\n").unwrap();
        assert_eq!(read(&file, "password").unwrap_err().exit_code(), 2);
    }
}
