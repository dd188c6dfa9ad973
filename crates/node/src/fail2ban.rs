//! The machine's own fail2ban: who is in the jail for this product, and letting somebody out, where `node.toml` allows it.
//!
//! It is asked by its own program, `fail2ban-client`, which alone may reach its socket: that belongs to root. What is
//! handed to the program is an address or network that was parsed and written anew, never a text from elsewhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{Jail, Jailed, JailedAddress};

use crate::program;
use crate::refusal::Refusal;

/// Where the system's own programs are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CLIENT: &str = "fail2ban-client";
/// How long it may take: it starts an interpreter, and its server may be at work.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much of a list is read, in bytes: some ten thousand bans.
const LIST: u64 = 1 << 20;
/// How much of a complaint is repeated, in bytes.
const COMPLAINT: u64 = 1_024;
/// What fail2ban writes as the end of a ban that has none.
const NO_END: &str = "9999-12-31 23:59:59";
/// The length of a time as fail2ban writes it.
const TIME: usize = 19;

/// The section `fail2ban` of `node.toml`: whether the Host may see and lift the bans of this machine's fail2ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fail2ban {
    /// The Host may list who is in the jail and let them out. Default false.
    pub allow: bool,
    /// The jail: 1 to 64 letters, digits, `_` and `-`. Default `watchroom`, as in `contrib/fail2ban`.
    pub jail: String,
    /// The socket of the server, as an absolute path. Default empty: the one that `fail2ban-client` knows.
    pub socket: PathBuf,
}

impl Default for Fail2ban {
    fn default() -> Self {
        Self {
            allow: false,
            jail: "watchroom".to_owned(),
            socket: PathBuf::new(),
        }
    }
}

impl Section for Fail2ban {
    const NAME: &'static str = "fail2ban";

    fn check(&self, problems: &mut Problems) {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_name = (1..=64).contains(&self.jail.len())
            && self.jail.bytes().all(is_letter)
            && !self.jail.starts_with('-');
        if !is_name {
            let rule = "1 to 64 letters, digits, _ and -, not beginning with -";
            problems.add(
                "fail2ban.jail",
                format!("{:?} is no name of a jail: {rule}", self.jail),
            );
        }
        if !self.socket.as_os_str().is_empty() && !self.socket.is_absolute() {
            let socket = self.socket.display();
            problems.add("fail2ban.socket", format!("{socket} is not an absolute path"));
        }
    }
}

impl Fail2ban {
    /// Whether the Host may have it asked at all.
    pub(crate) fn allows(&self, file: String) -> Result<(), Refusal> {
        if self.allow {
            Ok(())
        } else {
            Err(Refusal::Fail2banNotAllowed { file })
        }
    }

    /// Who is in the jail.
    pub(crate) async fn list(&self) -> Result<Jail, Refusal> {
        let said = self.ask(&["get", &self.jail, "banip", "--with-time"]).await?;
        let banned = said.lines().filter(|line| !line.trim().is_empty()).map(jailed);
        Ok(Jail {
            name: self.jail.clone(),
            banned: banned.collect::<Result<_, _>>()?,
        })
    }

    /// Lets somebody out of the jail; `false` if they were not in it.
    pub(crate) async fn lift(&self, address: JailedAddress) -> Result<bool, Refusal> {
        let said = self
            .ask(&["set", &self.jail, "unbanip", &address.to_string()])
            .await?;
        match said.trim().parse::<u64>() {
            Ok(count) => Ok(count > 0),
            Err(_) => Err(strange(&said)),
        }
    }

    async fn ask(&self, words: &[&str]) -> Result<String, Refusal> {
        let client =
            program::find(CLIENT, PATH, Path::new("/"), None).map_err(|_| Refusal::Fail2banMissing)?;
        let mut command = Command::new(client);
        if !self.socket.as_os_str().is_empty() {
            command.arg("-s").arg(&self.socket);
        }
        command.args(words).kill_on_drop(true).env_clear();
        command.env("PATH", PATH).env("LANG", "C.UTF-8").current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |why: String| Refusal::Fail2banFailed { why };
        let run = async {
            let mut child = command.spawn()?;
            let (out, complaint) = (child.stdout.take(), child.stderr.take());
            let (out, complaint) = tokio::try_join!(read(out, LIST), read(complaint, COMPLAINT))?;
            Ok::<_, std::io::Error>((child.wait().await?, out, complaint))
        };
        let ended = timeout(PATIENCE, run).await;
        let ended = ended.map_err(|_| failed(format!("no answer within {} s", PATIENCE.as_secs())))?;
        let (status, out, complaint) = ended.map_err(|error| failed(error.to_string()))?;
        if status.success() && u64::try_from(out.len()).is_ok_and(|read| read < LIST) {
            return Ok(out);
        }
        if status.success() {
            return Err(failed("its list is longer than can be shown".to_owned()));
        }
        let said = format!("{complaint}\n{out}").trim().replace('\n', "; ");
        Err(failed(said))
    }
}

/// What a program says on one of its ways out, up to so many bytes.
async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<String> {
    let mut said = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(most).read_to_end(&mut said).await?;
        // Read on, so that it can end.
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// One line of the list: address, tab, begin, `+`, seconds, `=`, end.
fn jailed(line: &str) -> Result<Jailed, Refusal> {
    let (address, times) = line.split_once('\t').unwrap_or((line, ""));
    let address = address.trim().parse().map_err(|_| strange(line))?;
    let since = times.get(..TIME).filter(|text| is_time(text));
    let until = times
        .rsplit_once("= ")
        .map(|(_, end)| end.trim())
        .filter(|end| is_time(end));
    Ok(Jailed {
        address,
        since: since.map(str::to_owned),
        until: until.filter(|end| *end != NO_END).map(str::to_owned),
    })
}

fn is_time(text: &str) -> bool {
    text.len() == TIME
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-: ".contains(&byte))
}

fn strange(said: &str) -> Refusal {
    let said: String = said.chars().take(80).collect();
    Refusal::Fail2banFailed {
        why: format!("it answers what is not understood: {said:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list_are_read_and_others_are_told() {
        let line = "192.0.2.7 \t2026-03-01 12:00:02 + 3600 = 2026-03-01 13:00:02";
        let found = jailed(line).unwrap();
        assert_eq!(found.address.to_string(), "192.0.2.7");
        assert_eq!(found.since.as_deref(), Some("2026-03-01 12:00:02"));
        assert_eq!(found.until.as_deref(), Some("2026-03-01 13:00:02"));
        let endless = jailed("2001:db8::5 \t2026-03-01 12:00:02 + -1 = 9999-12-31 23:59:59").unwrap();
        assert_eq!((endless.since.is_some(), endless.until), (true, None));
        assert_eq!(jailed("192.0.2.0/24").unwrap().since, None);
        assert!(jailed("Sorry but the jail does not exist").is_err());
    }

    #[test]
    fn a_jail_cannot_be_an_option_of_the_program() {
        for (jail, is_good) in [
            ("watchroom", true),
            ("ssh_2", true),
            ("", false),
            ("--all", false),
            ("a b", false),
        ] {
            let section = Fail2ban {
                jail: jail.to_owned(),
                ..Fail2ban::default()
            };
            let mut problems = Problems::default();
            section.check(&mut problems);
            assert_eq!(problems.into_vec().is_empty(), is_good, "{jail}");
        }
    }
}
