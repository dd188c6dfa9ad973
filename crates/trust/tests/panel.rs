//! The panel's certificate is kept good if it is ours, and left alone if it is not.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, Stream,
};
use tempfile::TempDir;
use time::macros::datetime;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_trust::{CertificateReport, Fingerprint, LocalNames, OldestTls, PanelCertificate, PanelError};
use watchroom_trust::{PanelKeyKind, PanelSettings, PanelVerdict, ServerName, Verdict, panel_server_config};

const DAY: Duration = Duration::from_secs(86_400);

struct Machine {
    room: TempDir,
    ambient: Ambient,
    settings: PanelSettings,
}

impl Machine {
    fn new() -> Self {
        let clock = Clock::manual(datetime!(2026-03-01 12:00 UTC));
        let ambient = Ambient {
            clock,
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let settings = PanelSettings::new(PanelKeyKind::EcdsaP256, LocalNames::loopback());
        Self {
            room: tempfile::tempdir().unwrap(),
            ambient,
            settings,
        }
    }

    fn open(&self) -> Result<(PanelCertificate, PanelVerdict), PanelError> {
        PanelCertificate::open_or_make(self.room.path(), self.settings.clone(), &self.ambient)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.room.path().join("ssl").join(name)
    }

    /// Puts another machine's pair here, as an administrator would.
    fn given(&self) -> Fingerprint {
        let other = Self::new();
        let (panel, _) = other.open().unwrap();
        for name in ["server.crt", "server.key"] {
            fs::copy(other.file(name), self.file(name)).unwrap();
        }
        panel.fingerprint()
    }
}

fn remade_because(verdict: &PanelVerdict, expected: &str) {
    assert!(
        matches!(verdict, PanelVerdict::Remade { why } if why.contains(expected)),
        "{verdict:?}"
    );
}

#[test]
fn a_clean_machine_gets_a_certificate_for_all_its_names_and_keeps_it() {
    let machine = Machine::new();
    let (panel, verdict) = machine.open().unwrap();
    assert_eq!(verdict, PanelVerdict::Made);
    let report = panel.report().unwrap();
    assert_eq!(report.names, ["localhost", "127.0.0.1", "::1"]);
    assert_eq!(
        (report.days_left, report.verdict, report.made_by_us),
        (365, Verdict::Good, true)
    );
    assert!(report.key_matches && report.problems.is_empty());
    assert_eq!(
        fs::metadata(machine.file("server.key"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let (again, verdict) = machine.open().unwrap();
    assert_eq!(verdict, PanelVerdict::Kept);
    assert_eq!(again.fingerprint(), panel.fingerprint());
}

#[test]
fn the_names_of_this_machine_hold_localhost_and_its_loopback_address() {
    let names = LocalNames::of_this_machine().unwrap();
    assert!(names.hosts.contains("localhost"));
    assert!(names.addresses.contains(&"127.0.0.1".parse().unwrap()));
    assert!(names.missing_from(&names).is_empty());
}

#[test]
fn ours_is_warned_about_and_made_again_before_it_expires() {
    let machine = Machine::new();
    let (panel, _) = machine.open().unwrap();
    let first = panel.fingerprint();
    machine.ambient.clock.advance(DAY * 336);
    assert_eq!(panel.report().unwrap().verdict, Verdict::Warning);
    assert_eq!(machine.open().unwrap().1, PanelVerdict::Kept);
    machine.ambient.clock.advance(DAY * 28 + DAY / 2);
    let ending = panel.report().unwrap();
    assert_eq!((ending.verdict, ending.days_left), (Verdict::Warning, 0));
    remade_because(&panel.reload().unwrap(), "expires");
    assert_ne!(panel.fingerprint(), first);
    assert_eq!(panel.report().unwrap().verdict, Verdict::Good);
}

#[test]
fn ours_is_made_again_when_key_certificate_or_names_no_longer_fit() {
    let mut machine = Machine::new();
    machine.open().unwrap();
    fs::remove_file(machine.file("server.key")).unwrap();
    remade_because(&machine.open().unwrap().1, "missing");
    fs::write(machine.file("server.crt"), "garbage").unwrap();
    remade_because(&machine.open().unwrap().1, "no usable certificate");
    machine.settings.names.add_host("watch.example.org");
    remade_because(&machine.open().unwrap().1, "watch.example.org");
    fs::remove_file(machine.room.path().join("keys/panel-ca.key")).unwrap();
    fs::remove_file(machine.room.path().join("keys/panel-ca.crt")).unwrap();
    remade_because(&machine.open().unwrap().1, "another panel CA");
    assert_eq!(machine.open().unwrap().1, PanelVerdict::Kept);
}

#[test]
fn a_foreign_key_beside_our_certificate_is_kept_aside_not_lost() {
    let (machine, other) = (Machine::new(), Machine::new());
    machine.open().unwrap();
    other.open().unwrap();
    let foreign = fs::read(other.file("server.key")).unwrap();
    fs::write(machine.file("server.key"), &foreign).unwrap();
    remade_because(&machine.open().unwrap().1, "does not belong");
    let kept = fs::read_dir(machine.room.path().join("ssl"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept
        .filter(|path| path.to_string_lossy().contains("server.key.kept-"))
        .collect();
    assert_eq!(fs::read(&kept[0]).unwrap(), foreign);
}

#[test]
fn a_given_certificate_is_served_and_never_overwritten_even_when_expired() {
    let machine = Machine::new();
    machine.open().unwrap();
    let given = machine.given();
    let before = fs::read(machine.file("server.crt")).unwrap();
    let (panel, verdict) = machine.open().unwrap();
    assert_eq!(verdict, PanelVerdict::Given { problems: Vec::new() });
    machine.ambient.clock.advance(DAY * 400);
    let PanelVerdict::Given { problems } = panel.reload().unwrap() else {
        panic!("it was overwritten")
    };
    assert!(problems[0].contains("expired"), "{problems:?}");
    assert!(matches!(panel.regenerate(), Err(PanelError::GivenStays { .. })));
    assert_eq!(panel.fingerprint(), given);
    assert!(!panel.report().unwrap().made_by_us);
    assert_eq!(fs::read(machine.file("server.crt")).unwrap(), before);
}

#[test]
fn a_given_certificate_without_its_key_is_named_and_left_alone() {
    let machine = Machine::new();
    machine.open().unwrap();
    machine.given();
    fs::remove_file(machine.file("server.key")).unwrap();
    let refusal = machine.open().unwrap_err();
    assert!(
        matches!(&refusal, PanelError::GivenUnusable { why, .. } if why.contains("missing")),
        "{refusal}"
    );
    assert!(!machine.file("server.key").exists());
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let machine = Machine::new();
    machine.open().unwrap();
    fs::set_permissions(machine.file("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let report = CertificateReport::read(
        &machine.file("server.crt"),
        &machine.file("server.key"),
        None,
        machine.ambient.now(),
    );
    let report = report.unwrap();
    assert_eq!(report.verdict, Verdict::Bad);
    assert!(report.problems[0].contains("chmod 600"), "{:?}", report.problems);
}

/// What a browser that trusts `panel`'s CA sees: the protocol version and the ALPN choice, after one
/// exchange of bytes.
fn browse(
    server: Arc<ServerConfig>,
    panel: &PanelCertificate,
    alpn: &[&[u8]],
    clock: &Clock,
) -> (ProtocolVersion, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let host = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(server).unwrap();
        let mut byte = [0];
        let mut stream = Stream::new(&mut connection, &mut socket);
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(&byte).unwrap();
    });
    let mut roots = RootCertStore::empty();
    roots.add(panel.authority().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Turned(clock.clone())))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let mut connection =
        ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut byte = [7];
    stream.write_all(&byte).unwrap();
    stream.read_exact(&mut byte).unwrap();
    host.join().unwrap();
    (
        connection.protocol_version().unwrap(),
        connection.alpn_protocol().unwrap_or_default().to_vec(),
    )
}

#[derive(Debug)]
struct Turned(Clock);

impl rustls::time_provider::TimeProvider for Turned {
    fn current_time(&self) -> Option<rustls_pki_types::UnixTime> {
        let seconds = self.0.now().unix_timestamp().try_into().unwrap();
        Some(rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(
            seconds,
        )))
    }
}

#[test]
fn a_browser_that_imported_the_panel_ca_is_served_over_tls_1_3_with_either_kind_of_key() {
    for key_kind in [PanelKeyKind::Rsa2048, PanelKeyKind::EcdsaP256] {
        let mut machine = Machine::new();
        machine.settings.key_kind = key_kind;
        let (panel, _) = machine.open().unwrap();
        let config = panel_server_config(&panel, OldestTls::Tls13, &machine.ambient.clock, None).unwrap();
        let (version, alpn) = browse(config, &panel, &[b"http/1.1", b"h2"], &machine.ambient.clock);
        assert_eq!(
            (version, alpn.as_slice()),
            (ProtocolVersion::TLSv1_3, b"h2".as_slice())
        );
    }
}

#[test]
fn a_reload_is_seen_by_the_next_connection_of_the_same_configuration() {
    let machine = Machine::new();
    let (panel, _) = machine.open().unwrap();
    let config = panel_server_config(&panel, OldestTls::Tls13, &machine.ambient.clock, None).unwrap();
    machine.ambient.clock.advance(DAY * 366);
    remade_because(&panel.reload().unwrap(), "expires");
    let (version, _) = browse(config, &panel, &[], &machine.ambient.clock);
    assert_eq!(version, ProtocolVersion::TLSv1_3);
}

/// Whether a client that speaks only these versions gets through its handshake.
fn is_let_in(
    server: &Arc<ServerConfig>,
    panel: &PanelCertificate,
    clock: &Clock,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(panel.authority().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(Turned(clock.clone())))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut host = ServerConnection::new(Arc::clone(server)).unwrap();
    while client.is_handshaking() || host.is_handshaking() {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        client.write_tls(&mut there).unwrap();
        host.read_tls(&mut there.as_slice()).unwrap();
        if host.process_new_packets().is_err() {
            return false;
        }
        host.write_tls(&mut back).unwrap();
        client.read_tls(&mut back.as_slice()).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    true
}

#[test]
fn old_versions_and_weak_suites_are_not_spoken() {
    let machine = Machine::new();
    let (panel, _) = machine.open().unwrap();
    let clock = &machine.ambient.clock;
    let usual = panel_server_config(&panel, OldestTls::Tls13, clock, None).unwrap();
    let older = panel_server_config(&panel, OldestTls::Tls12, clock, None).unwrap();
    let (new, old) = (&rustls::version::TLS13, &rustls::version::TLS12);
    assert!(is_let_in(&usual, &panel, clock, &[new]) && is_let_in(&older, &panel, clock, &[new]));
    assert!(
        !is_let_in(&usual, &panel, clock, &[old]),
        "TLS 1.2 has to be asked for"
    );
    assert!(is_let_in(&older, &panel, clock, &[old]));
    let provider = older.crypto_provider();
    let suites: Vec<_> = provider
        .cipher_suites
        .iter()
        .map(|suite| format!("{:?}", suite.suite()))
        .collect();
    assert_eq!(
        suites,
        [
            "TLS13_AES_256_GCM_SHA384",
            "TLS13_CHACHA20_POLY1305_SHA256",
            "TLS13_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ]
    );
    let groups: Vec<_> = provider
        .kx_groups
        .iter()
        .map(|group| format!("{:?}", group.name()))
        .collect();
    assert_eq!(groups, ["X25519", "secp256r1", "secp384r1", "X25519MLKEM768"]);
    assert!(usual.ignore_client_order && usual.max_early_data_size == 0 && usual.send_tls13_tickets == 0);
}

#[test]
fn the_end_of_a_certificate_is_near_at_thirty_fourteen_and_three_days() {
    let machine = Machine::new();
    let (panel, _) = machine.open().unwrap();
    let mut days_left = panel.report().unwrap().days_left;
    for (left, warned_at) in [
        (31, None),
        (30, None),
        (29, Some(30)),
        (14, Some(30)),
        (13, Some(14)),
        (3, Some(14)),
        (2, Some(3)),
        (0, Some(3)),
    ] {
        machine
            .ambient
            .clock
            .advance(DAY * u32::try_from(days_left - left).unwrap());
        days_left = left;
        let report = panel.report().unwrap();
        assert_eq!((report.days_left, report.warned_at()), (left, warned_at));
        let verdict = if warned_at.is_some() {
            Verdict::Warning
        } else {
            Verdict::Good
        };
        assert_eq!(report.verdict, verdict, "{left}: {:?}", report.problems);
    }
}
