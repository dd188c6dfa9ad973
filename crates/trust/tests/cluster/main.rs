//! Who may stand at which end of the link: real handshakes on loopback, between real keys.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod meeting;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::server::ServerSessionMemoryCache;
use rustls::{CertificateError, ServerConfig};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;
use watchroom_kit::Clock;
use watchroom_trust::{
    ClusterCa, ClusterSecret, IssueError, KeyFileError, LINK_ALPN, Leaf, LinkClient, NodeKey, OrderSigner,
    PeerError, PinDiffers, RotateError, Signed, UnprovenError, UnsealError, node_server_config,
};

use meeting::{Cluster, meet, meet_as};

#[test]
fn a_node_of_the_cluster_is_let_in_and_known_by_its_id() {
    let cluster = Cluster::found();
    let id = cluster.ambient.uuid();
    let meeting = meet_as(&cluster, &cluster.client(&cluster.node(id)));
    assert_eq!(meeting.peer(&cluster).node, id);
    assert_eq!(meeting.peer(&cluster).expired_at, None);
    assert_eq!(meeting.client.unwrap(), b"welcome");
}

#[test]
fn a_node_of_another_cluster_learns_that_its_pin_differs_and_is_not_let_in() {
    let (ours, theirs) = (Cluster::found(), Cluster::found());
    let client = theirs.client(&theirs.node(theirs.ambient.uuid()));
    let meeting = meet(
        ours.server(),
        client.config(),
        ours.client(&ours.node(Uuid::nil())).server_name(),
    );
    assert!(meeting.server.is_err());
    let Err(rustls::Error::InvalidCertificate(CertificateError::Other(other))) = meeting.client else {
        panic!("the pin was not named")
    };
    let differs = other.0.downcast_ref::<PinDiffers>().unwrap();
    assert_eq!(
        (differs.expected, differs.found),
        (theirs.ca.fingerprint(), ours.ca.fingerprint())
    );
}

#[test]
fn a_stranger_that_trusts_our_ca_but_was_certified_by_another_is_not_let_in() {
    let (ours, theirs) = (Cluster::found(), Cluster::found());
    let meeting = meet_as(&ours, &ours.client(&theirs.node(theirs.ambient.uuid())));
    assert!(meeting.server.is_err());
    assert!(meeting.client.is_err());
}

#[test]
fn the_hosts_own_leaf_is_no_nodes_leaf_by_its_usage_alone() {
    let cluster = Cluster::found();
    let leaf = cluster.ca.issue_host_leaf(&cluster.ambient).unwrap();
    let meeting = meet_as(&cluster, &cluster.client(&leaf));
    assert!(meeting.server.is_err());
    assert!(meeting.client.is_err());
    assert_eq!(
        cluster.ca.peer(leaf.chain(), cluster.ambient.now()),
        Err(PeerError::NamesNoNode)
    );
}

#[test]
fn a_node_cannot_pose_as_the_host() {
    let cluster = Cluster::found();
    let key = NodeKey::open_or_make(cluster.room.path()).unwrap();
    let issued = cluster
        .ca
        .issue_node_leaf(cluster.ambient.uuid(), &key.request().unwrap(), &cluster.ambient)
        .unwrap();
    let pem = std::fs::read(cluster.room.path().join("keys/node.key")).unwrap();
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut impostor = builder
        .with_no_client_auth()
        .with_single_cert(issued.chain, der)
        .unwrap();
    impostor.alpn_protocols = vec![LINK_ALPN.to_vec()];
    let client = cluster.client(&cluster.node(cluster.ambient.uuid()));
    let meeting = meet(Arc::new(impostor), client.config(), client.server_name());
    assert!(matches!(
        meeting.client,
        Err(rustls::Error::InvalidCertificate(_))
    ));
}

#[test]
fn whoever_shows_more_certificates_than_a_chain_has_is_let_in_nowhere() {
    let cluster = Cluster::found();
    let key = NodeKey::open_or_make(cluster.room.path()).unwrap();
    let heartbeats = node_server_config(Arc::clone(&cluster.ca), &cluster.ambient).unwrap();
    // One stands beside a node's already: its authority.
    for (others, is_let_in) in [(3, true), (4, false)] {
        let request = key.request().unwrap();
        let mut issued = cluster
            .ca
            .issue_node_leaf(cluster.ambient.uuid(), &request, &cluster.ambient)
            .unwrap();
        issued.chain.extend(vec![cluster.ca.certificate(); others]);
        let leaf = key.with(issued);
        let client = cluster.client(&leaf);
        let met = meet_as(&cluster, &client).server;
        assert_eq!(met.is_ok(), is_let_in, "{others}: {met:?}");
        let mut plain = (*client.config()).clone();
        plain.alpn_protocols = heartbeats.alpn_protocols.clone();
        let meeting = meet(Arc::clone(&heartbeats), Arc::new(plain), client.server_name());
        assert_eq!(meeting.server.is_ok(), is_let_in, "{others}");
        let proven = cluster.ca.prove(leaf.chain(), cluster.ambient.now());
        assert_eq!(proven.is_ok(), is_let_in, "{others}");
    }
}

#[test]
fn a_nodes_leaf_is_over_after_a_day_and_a_renewed_one_is_taken_by_the_same_client() {
    let cluster = Cluster::found();
    let id = cluster.ambient.uuid();
    let client = cluster.client(&cluster.node(id));
    cluster.ambient.clock.advance(Duration::from_secs(25 * 3_600));
    let late = meet_as(&cluster, &client).peer(&cluster);
    assert_eq!(
        (late.node, late.expired_at),
        (id, Some(datetime!(2026-03-02 12:00 UTC)))
    );
    client.renew(&cluster.node(id)).unwrap();
    let again = meet_as(&cluster, &client).peer(&cluster);
    assert_eq!((again.node, again.expired_at, again.key), (id, None, late.key));
}

#[test]
fn neither_end_of_the_link_resumes_a_session() {
    let cluster = Cluster::found();
    let id = cluster.ambient.uuid();
    let (client, server) = (cluster.client(&cluster.node(id)), cluster.server());
    // Each meets another end that would.
    let mut node = (*client.config()).clone();
    node.resumption = Resumption::in_memory_sessions(8);
    let mut host = (*server).clone();
    host.session_storage = ServerSessionMemoryCache::new(8);
    host.send_tls13_tickets = 2;
    for (host, node) in [(server, Arc::new(node)), (Arc::new(host), client.config())] {
        for _ in 0..2 {
            let meeting = meet(Arc::clone(&host), Arc::clone(&node), client.server_name());
            assert_eq!(meeting.client.as_deref(), Ok(&b"welcome"[..]));
            assert_eq!(meeting.peer(&cluster).node, id);
        }
    }
}

#[test]
fn only_the_key_that_has_proven_itself_is_certified_anew() {
    let cluster = Cluster::found();
    let id = cluster.ambient.uuid();
    let peer = meet_as(&cluster, &cluster.client(&cluster.node(id))).peer(&cluster);
    let request = |state: &TempDir| NodeKey::open_or_make(state.path()).unwrap().request().unwrap();
    let renew = |request: &[u8]| {
        let renewed = cluster
            .ca
            .renew_node_leaf(id, peer.key, request, &cluster.ambient);
        renewed.map(drop)
    };
    renew(&request(&cluster.room)).unwrap();
    let thief = tempfile::tempdir().unwrap();
    assert!(matches!(renew(&request(&thief)), Err(IssueError::AnotherKey)));
    assert!(matches!(renew(b"no request"), Err(IssueError::BadRequest(_))));
}

#[test]
fn the_host_renews_its_own_leaf_without_being_asked() {
    let cluster = Cluster::found();
    let server = cluster.server();
    let id = cluster.ambient.uuid();
    for _ in 0..5 {
        cluster.ambient.clock.advance(Duration::from_secs(20 * 3_600));
        let client = cluster.client(&cluster.node(id));
        let meeting = meet(Arc::clone(&server), client.config(), client.server_name());
        assert_eq!(meeting.peer(&cluster).node, id);
    }
}

#[test]
fn a_node_whose_clock_is_five_minutes_behind_is_tolerated_and_one_further_behind_is_not() {
    let cluster = Cluster::found();
    let id = cluster.ambient.uuid();
    let leaf = cluster.node(id);
    for (behind_s, is_tolerated) in [(290, true), (400, false)] {
        let clock = Clock::manual(cluster.ambient.now() - Duration::from_secs(behind_s));
        let client = LinkClient::new(&cluster.ca.certificate(), &leaf, &clock).unwrap();
        let meeting = meet_as(&cluster, &client);
        assert_eq!(meeting.client.is_ok(), is_tolerated, "{:?}", meeting.client);
    }
}

#[test]
fn the_cluster_keeps_its_identity_over_a_restart_and_on_a_replica() {
    let cluster = Cluster::found();
    let again = cluster.again();
    assert_eq!(again.cluster_id(), cluster.ca.cluster_id());
    assert_eq!(again.fingerprint(), cluster.ca.fingerprint());
    let theirs = Cluster::found();
    assert!(matches!(
        cluster.ca.adopt(&theirs.ca.sealed()),
        Err(UnsealError::AnotherSecret(_))
    ));
    let another = ClusterCa::found(cluster.secret.clone(), &cluster.ambient).unwrap();
    assert_eq!(
        cluster.ca.adopt(&another.sealed()),
        Err(UnsealError::AnotherCluster)
    );
    assert_eq!(
        cluster.ca.check(&another.sealed()),
        Err(UnsealError::AnotherCluster)
    );
    assert_eq!(cluster.ca.check(&cluster.ca.sealed()), Ok(()));
    assert_eq!(cluster.ca.adopt(&[]), Err(UnsealError::NoneSigns));
    let two = [cluster.ca.sealed(), another.sealed()].concat();
    assert_eq!(cluster.ca.adopt(&two), Err(UnsealError::NoneSigns));
    assert_eq!(
        again.fingerprint(),
        cluster.ca.fingerprint(),
        "nothing of it was taken up"
    );
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let cluster = Cluster::found();
    assert!(ClusterSecret::open(cluster.room.path()).unwrap().is_none());
    cluster.secret.keep(cluster.room.path()).unwrap();
    let file = ClusterSecret::path(cluster.room.path());
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = ClusterSecret::open(cluster.room.path()).unwrap().unwrap();
    assert!(ClusterCa::open(read, &cluster.ca.sealed()).is_ok());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refusal = ClusterSecret::open(cluster.room.path()).unwrap_err();
    let command = format!("chmod 600 {}", file.display());
    assert!(refusal.to_string().contains(&command), "{refusal}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "wr_cluster_short").unwrap();
    let refusal = ClusterSecret::open(cluster.room.path()).unwrap_err();
    assert!(matches!(refusal, KeyFileError::Unreadable { .. }));
}

#[test]
fn a_request_that_asks_for_names_or_powers_or_brings_another_kind_of_key_is_refused() {
    use rcgen::{CertificateParams, IsCa, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};
    let cluster = Cluster::found();
    let issue = |request: &[u8]| {
        cluster
            .ca
            .issue_node_leaf(Uuid::nil(), request, &cluster.ambient)
            .map(drop)
    };
    let request =
        |params: CertificateParams, key: &KeyPair| params.serialize_request(key).unwrap().der().to_vec();
    let key = KeyPair::generate().unwrap();
    let named = CertificateParams::new(vec![cluster.ca.cluster_id().host_name()]).unwrap();
    assert!(matches!(
        issue(&request(named, &key)),
        Err(IssueError::AsksForMore)
    ));
    let mut powerful = CertificateParams::default();
    powerful.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    assert!(matches!(
        issue(&request(powerful, &key)),
        Err(IssueError::AsksForMore)
    ));
    for algorithm in [&PKCS_ED25519, &PKCS_RSA_SHA256] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        assert!(matches!(
            issue(&request(CertificateParams::default(), &key)),
            Err(IssueError::WrongKey)
        ));
    }
    let mut forged = request(CertificateParams::default(), &key);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(matches!(issue(&forged), Err(IssueError::BadRequest(_))));
}

#[test]
fn a_new_ca_is_taken_beside_the_old_one_until_that_retires() {
    let cluster = Cluster::found();
    let server = cluster.server();
    let (stays, moves) = (cluster.ambient.uuid(), cluster.ambient.uuid());
    let (old, moved) = (
        cluster.client(&cluster.node(stays)),
        cluster.client(&cluster.node(moves)),
    );
    let before = cluster.ca.fingerprint();
    let after = cluster.rotate().unwrap();
    assert_ne!(before, after);
    assert!(matches!(cluster.rotate(), Err(RotateError::Underway { .. })));
    let meet = |client: &LinkClient| meet(Arc::clone(&server), client.config(), client.server_name());
    // A node that has heard of nothing still knows its Host, and is known.
    let peer = meet(&old).peer(&cluster);
    assert_eq!((peer.node, peer.has_moved), (stays, false));
    // One that was told trusts both, and is certified by the new one.
    moved.trust(&cluster.ca.anchors()).unwrap();
    assert_eq!(meet(&moved).peer(&cluster).node, moves);
    moved.renew(&cluster.node(moves)).unwrap();
    let peer = meet(&moved).peer(&cluster);
    assert_eq!((peer.node, peer.has_moved), (moves, true));
    assert!(cluster.retire());
    moved.trust(&cluster.ca.anchors()).unwrap();
    assert_eq!(meet(&moved).peer(&cluster).node, moves);
    let late = meet(&old);
    assert!(late.server.is_err());
    let Err(rustls::Error::InvalidCertificate(CertificateError::Other(other))) = late.client else {
        panic!("the pin was not named")
    };
    let differs = other.0.downcast_ref::<PinDiffers>().unwrap();
    assert_eq!((differs.expected, differs.found), (before, after));
    assert!(!cluster.retire());
}

#[test]
fn a_rotation_is_found_again_after_a_restart_until_the_old_ca_retires() {
    let cluster = Cluster::found();
    let after = cluster.rotate().unwrap();
    let again = cluster.again();
    assert_eq!((again.fingerprint(), again.anchors().len()), (after, 2));
    assert_eq!(again.cluster_id(), cluster.ca.cluster_id());
    assert_eq!(
        again.retires_at(),
        Some(cluster.ambient.now() + time::Duration::days(30))
    );
    assert!(cluster.retire());
    assert!(again.adopt(&cluster.ca.sealed()).unwrap());
    assert!(!again.adopt(&cluster.ca.sealed()).unwrap(), "nothing is new");
    assert_eq!((cluster.again().anchors().len(), again.anchors().len()), (1, 1));
    assert_eq!(again.retires_at(), None);
}

#[test]
fn an_order_is_proven_over_a_rotation_and_no_other_certificate_of_ours_signs_one() {
    let cluster = Cluster::found();
    let client = cluster.client(&cluster.node(cluster.ambient.uuid()));
    let signer = OrderSigner::new(Arc::clone(&cluster.ca), &cluster.ambient).unwrap();
    let prove = |signed: &Signed| client.prove(b"stop", signed);
    let signed = signer.sign(b"stop").unwrap();
    assert_eq!(prove(&signed), Ok(()));
    assert_eq!(client.prove(b"start", &signed), Err(UnprovenError::AnotherOrder));
    let stranger = Cluster::found();
    let forged = OrderSigner::new(Arc::clone(&stranger.ca), &stranger.ambient).unwrap();
    assert!(matches!(
        prove(&forged.sign(b"stop").unwrap()),
        Err(UnprovenError::NotAHost { .. })
    ));
    let by_leaf = |leaf: &Leaf| Signed {
        leaves: leaf.chain().to_vec(),
        signature: signed.signature.clone(),
    };
    for leaf in [
        cluster.ca.issue_host_leaf(&cluster.ambient).unwrap(),
        cluster.node(Uuid::nil()),
    ] {
        assert!(matches!(
            prove(&by_leaf(&leaf)),
            Err(UnprovenError::NotAHost { .. })
        ));
    }
    // The next day, and after a rotation of which this node has not heard: it still believes its Host.
    cluster.ambient.clock.advance(Duration::from_secs(25 * 3_600));
    assert!(matches!(prove(&signed), Err(UnprovenError::NotAHost { .. })));
    cluster.rotate().unwrap();
    assert_eq!(prove(&signer.sign(b"stop").unwrap()), Ok(()));
    cluster.retire();
    assert!(matches!(
        prove(&signer.sign(b"stop").unwrap()),
        Err(UnprovenError::NotAHost { .. })
    ));
}

#[test]
fn a_certificate_that_only_its_holder_vouches_for_is_refused_by_name_unless_it_is_a_nodes_of_this_cluster() {
    let (ours, theirs) = (Cluster::found(), Cluster::found());
    let id = ours.ambient.uuid();
    let node = ours.node(id);
    let prove = |leaf: &Leaf| ours.ca.prove(leaf.chain(), ours.ambient.now());
    let proven = prove(&node).unwrap();
    assert_eq!(
        (proven.node, proven.expired_at, proven.has_moved),
        (id, None, true)
    );
    assert_eq!(prove(&theirs.node(id)), Err(PeerError::AnotherCluster));
    let host = ours.ca.issue_host_leaf(&ours.ambient).unwrap();
    assert_eq!(prove(&host), Err(PeerError::NotANodes));
    assert_eq!(
        ours.ca.prove(&[], ours.ambient.now()),
        Err(PeerError::NoCertificate)
    );
    let garbage = [CertificateDer::from(b"garbage".to_vec())];
    assert!(matches!(
        ours.ca.prove(&garbage, ours.ambient.now()),
        Err(PeerError::Unverified(_))
    ));
    ours.rotate().unwrap();
    assert!(!prove(&node).unwrap().has_moved);
    ours.ambient.clock.advance(Duration::from_secs(25 * 3_600));
    assert!(prove(&node).unwrap().expired_at.is_some());
    ours.retire();
    assert_eq!(prove(&node), Err(PeerError::AnotherCluster));
}
