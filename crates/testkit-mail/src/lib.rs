//! A real SMTP server for tests: `aiosmtpd` on a free port of 127.0.0.1, with a certificate of its own, in several
//! manners, good and bad. It keeps what it takes as files, and is gone with the value.
//!
//! Needs Debian's `python3-aiosmtpd`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code in a library's place: without its server a story ends in a panic"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use watchroom_testkit_folder::Folder;

const PROGRAM: &str = include_str!("server.py");
/// The Python that Debian's packages belong to.
const PYTHON: &str = "/usr/bin/python3";
/// Who may send, and how they prove it.
pub const USER: &str = "watchroom";
/// The password of [`USER`].
pub const PASSWORD: &str = "Smtp-Secret 4711";
/// Looks for letters until they must have arrived, and the time between.
const TRIES: u32 = 3_000;
const REST: Duration = Duration::from_millis(20);

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It wants `STARTTLS` and a password.
    StartTls,
    /// It speaks TLS from the first byte and wants a password.
    Tls,
    /// It knows neither TLS nor passwords.
    Clear,
    /// As [`Manner::StartTls`], but refuses the first two letters for now.
    Busy,
    /// It takes connections and never says anything.
    Silent,
}

impl Manner {
    const fn word(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Clear => "clear",
            Self::Busy => "busy",
            Self::Silent => "silent",
        }
    }
}

/// A letter that the server took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// For whom.
    pub recipient: String,
    /// The headers, as they came.
    pub headers: String,
    /// The text.
    pub text: String,
}

/// A server that runs.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: u16,
    folder: Folder,
}

impl MailServer {
    /// Starts one.
    ///
    /// # Panics
    /// If that fails: without Debian's `python3-aiosmtpd` these tests cannot run.
    #[must_use]
    pub fn start(manner: Manner) -> Self {
        let folder = Folder::new();
        certify(folder.path());
        let (child, port) = run(manner, folder.path(), 0);
        Self { child, port, folder }
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority of its certificate, which is for 127.0.0.1 and `localhost`.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A file of mode 0600 with the password.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Ends it; the letters stay.
    pub fn stop(&mut self) {
        end(&mut self.child);
    }

    /// Starts it again on the same port, in this manner.
    ///
    /// # Panics
    /// If somebody else has the port now.
    pub fn start_again(&mut self, manner: Manner) {
        let (child, port) = run(manner, self.folder.path(), self.port);
        (self.child, self.port) = (child, port);
    }

    /// The letters that it took, in order.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_letter(path))
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| read(&fs::read_to_string(path).expect("a letter")))
            .collect()
    }

    /// Waits until so many have come, and gives them all.
    ///
    /// # Panics
    /// If they do not come.
    #[must_use]
    pub fn until(&self, count: usize) -> Vec<Letter> {
        for _ in 0..TRIES {
            let letters = self.letters();
            if letters.len() >= count {
                return letters;
            }
            thread::sleep(REST);
        }
        panic!("{count} letters wanted: {:?}", self.letters());
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It has ended already, or ends now; either way it is waited for.
    child.kill().ok();
    child.wait().ok();
}

fn run(manner: Manner, folder: &Path, port: u16) -> (Child, u16) {
    let mut child = Command::new(PYTHON)
        .args(["-c", PROGRAM, manner.word()])
        .arg(folder)
        .env("SMTP_PORT", port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    let said = child.stdout.take().expect("its output");
    BufReader::new(said).read_line(&mut line).expect("a line");
    let port = line.trim().parse();
    (
        child,
        port.expect("aiosmtpd runs: apt-get install python3-aiosmtpd"),
    )
}

fn is_letter(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with("letter-") && path.extension().is_none()
}

fn read(file: &str) -> Letter {
    let file = file.replace("\r\n", "\n");
    let (recipient, mail) = file.split_once('\n').expect("a recipient");
    let (headers, body) = mail.split_once("\n\n").expect("headers");
    let base64: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    Letter {
        recipient: recipient.to_owned(),
        headers: headers.to_owned(),
        text: decoded(&base64),
    }
}

/// Base64 (RFC 4648) as text.
fn decoded(base64: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in base64.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET
            .iter()
            .position(|known| *known == letter)
            .expect("base64");
        bits = (bits << 6 | u32::try_from(value).expect("six bits")) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).expect("eight bits"));
        }
    }
    String::from_utf8(bytes).expect("text").replace("\r\n", "\n")
}

/// A certificate for this machine by an authority of its own, and the password, as files.
fn certify(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).expect("parameters");
    let own = own.signed_by(&key, &authority).expect("a certificate");
    for (name, text) in [
        ("server.crt", own.pem()),
        ("server.key", key.serialize_pem()),
        ("authority.pem", authority.pem()),
        ("password", PASSWORD.to_owned()),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, mode).expect("a mode");
    }
}
