//! A real directory for tests: Debian's slapd on a folder and ports of its own, over TLS alone, with people, and groups in
//! groups. Dropping it ends it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code in a library's place: what goes wrong ends in a panic"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Below which everything is.
pub const BASE: &str = "dc=example,dc=org";
/// Where people are.
pub const PEOPLE: &str = "ou=people,dc=example,dc=org";
/// Where groups are.
pub const GROUPS: &str = "ou=groups,dc=example,dc=org";
/// The account that may search, and nothing else.
pub const READER: &str = "cn=reader,dc=example,dc=org";
/// Its password.
pub const READER_PASSWORD: &str = "reads 7 books";
/// The password of everybody in it.
pub const PASSWORD: &str = "correct Horse 7 battery";

/// How often it is looked whether it listens, and the pause between: half a minute, and more on a busy machine.
const LOOKS: usize = 1_500;
const PAUSE: Duration = Duration::from_millis(20);
/// How often other ports are tried, if somebody took them a moment before.
const TRIES: usize = 5;

/// A directory that runs.
#[derive(Debug)]
pub struct TestDirectory {
    child: Child,
    folder: tempfile::TempDir,
    /// The port for TLS from the first byte.
    pub ldaps: u16,
    /// The port for TLS after the first message.
    pub ldap: u16,
    /// The CA of its certificate, in PEM.
    pub ca: String,
}

impl TestDirectory {
    /// Starts one. Its certificate is for `localhost` and for nothing else.
    ///
    /// # Panics
    /// If it does not start: `scripts/test-needs.sh` installs it.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = furnish(folder.path());
        fs::create_dir(folder.path().join("data")).expect("a folder");
        let elsewhere = free_port();
        fill(folder.path(), elsewhere);
        let mut folder = Some(folder);
        for _ in 0..TRIES {
            let at = folder.take().expect("it is given back below");
            match run(at.path()) {
                Ok((child, ldaps, ldap)) => {
                    return Self {
                        child,
                        folder: at,
                        ldaps,
                        ldap,
                        ca,
                    };
                }
                Err(()) => folder = Some(at),
            }
        }
        panic!("slapd did not start, on any ports")
    }

    /// Ends it, as a power cut does.
    pub fn stop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Changes entries, in LDIF.
    ///
    /// # Panics
    /// If it does not take that.
    pub fn change(&self, ldif: &str) {
        let file = self.folder.path().join("change.ldif");
        fs::write(&file, ldif).expect("a file");
        let changed = Command::new("ldapmodify")
            // The tool takes `localhost` for the machine's full name, which no certificate here is for. What Watchroom
            // itself believes is told by stories of its own.
            .env("LDAPTLS_REQCERT", "never")
            .args(["-x", "-H", &format!("ldaps://localhost:{}", self.ldaps)])
            .args(["-D", &format!("cn=root,{BASE}"), "-w", "roots 7 trees", "-f"])
            .arg(&file)
            .output()
            .expect("ldap-utils are installed: scripts/test-needs.sh");
        assert!(changed.status.success(), "{changed:?}");
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes certificates and configuration; gives the CA.
fn furnish(folder: &Path) -> String {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let issuer = CertifiedIssuer::self_signed(params, key).expect("a CA");
    let own = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let leaf = params.signed_by(&own, &issuer).expect("a certificate");
    let ca = issuer.pem();
    let place = |name: &str| folder.join(name).display().to_string();
    let configuration = format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         include /etc/ldap/schema/nis.schema\n\
         pidfile {pid}\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         TLSCACertificateFile {ca}\n\
         TLSCertificateFile {leaf}\n\
         TLSCertificateKeyFile {key}\n\
         TLSVerifyClient never\n\
         security tls=1\n\
         database mdb\n\
         suffix \"{BASE}\"\n\
         rootdn \"cn=root,{BASE}\"\n\
         rootpw \"roots 7 trees\"\n\
         directory {data}\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn=\"{READER}\" read by self read by anonymous auth by * none\n",
        pid = place("pid"),
        ca = place("ca.pem"),
        leaf = place("leaf.pem"),
        key = place("key.pem"),
        data = place("data"),
    );
    for (name, text) in [
        ("ca.pem", ca.as_str()),
        ("leaf.pem", &leaf.pem()),
        ("key.pem", &own.serialize_pem()),
        ("slapd.conf", &configuration),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
    ca
}

/// Puts people and groups in it; whoever is `away` is said to be at another server.
fn fill(folder: &Path, elsewhere: u16) {
    let person = |name: &str, shown: &str| {
        format!(
            "dn: uid={name},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {shown}\nsn: {shown}\ndisplayName: {shown}\n\
             mail: {name}@example.org\nuserPassword: {PASSWORD}\n\n"
        )
    };
    let group = |name: &str, members: &[&str]| {
        let members: String = members
            .iter()
            .map(|member| format!("member: {member}\n"))
            .collect();
        format!("dn: cn={name},{GROUPS}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
    };
    let of_person = |name: &str| format!("uid={name},{PEOPLE}");
    let of_group = |name: &str| format!("cn={name},{GROUPS}");
    let text = [
        format!("dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"),
        format!("dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n"),
        format!("dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n\n"),
        format!(
            "dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: {READER_PASSWORD}\n\n"
        ),
        person("ann", "Ann Example"),
        person("bob", "Bob Example"),
        person("cleo", "Cleo Example"),
        format!(
            "dn: uid=away,{PEOPLE}\nobjectClass: referral\nobjectClass: extensibleObject\nuid: away\n\
             ref: ldaps://127.0.0.1:{elsewhere}/uid=away,{PEOPLE}\n\n"
        ),
        // Ann is in ops, ops is in crew, crew is in all; and all is in ops again.
        group("ops", &[&of_person("ann"), &of_group("all")]),
        group("crew", &[&of_group("ops"), &of_person("bob")]),
        group("all", &[&of_group("crew")]),
        // Nobody's uid is an address, though people may sign in by one.
        format!(
            "dn: cn=radio,{GROUPS}\nobjectClass: posixGroup\ncn: radio\ngidNumber: 1000\nmemberUid: ann\nmemberUid: bob@example.org\n\n"
        ),
    ]
    .concat();
    let file = folder.join("people.ldif");
    fs::write(&file, text).expect("a file");
    let added = Command::new("slapadd")
        .env("PATH", path())
        .arg("-f")
        .arg(folder.join("slapd.conf"))
        .arg("-l")
        .arg(&file)
        .output()
        .expect("slapd is installed: scripts/test-needs.sh");
    assert!(added.status.success(), "{added:?}");
}

/// Where the system's own programs are, whoever runs the tests.
const fn path() -> &'static str {
    "/usr/sbin:/usr/bin:/sbin:/bin"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn run(folder: &Path) -> Result<(Child, u16, u16), ()> {
    let (ldaps, ldap) = (free_port(), free_port());
    let mut child = Command::new("slapd")
        .env("PATH", path())
        .args(["-d", "0", "-h"])
        .arg(format!("ldaps://127.0.0.1:{ldaps}/ ldap://127.0.0.1:{ldap}/"))
        .arg("-f")
        .arg(folder.join("slapd.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("slapd is installed: scripts/test-needs.sh");
    for _ in 0..LOOKS {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(());
        }
        let is_there = |port: &u16| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok();
        if [ldaps, ldap].iter().all(is_there) {
            return Ok((child, ldaps, ldap));
        }
        std::thread::sleep(PAUSE);
    }
    panic!("slapd does not listen")
}
