//! Two ends of the link that meet on loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection, Stream};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_trust::{
    ClusterCa, ClusterSecret, Fingerprint, Leaf, LinkClient, NodeKey, Peer, RotateError, ServerName,
    link_server_config,
};

pub struct Cluster {
    pub ca: Arc<ClusterCa>,
    pub secret: ClusterSecret,
    pub ambient: Ambient,
    pub room: TempDir,
}

impl Cluster {
    pub fn found() -> Self {
        let room = tempfile::tempdir().unwrap();
        let clock = Clock::manual(datetime!(2026-03-01 12:00 UTC));
        let ambient = Ambient {
            clock,
            entropy: Entropy::system(),
            tasks: Tasks::new(),
        };
        let secret = ClusterSecret::by_chance(&ambient.entropy);
        let ca = Arc::new(ClusterCa::found(secret.clone(), &ambient).unwrap());
        Self {
            ca,
            secret,
            ambient,
            room,
        }
    }

    /// What another replica, or this Host after a restart, makes of what the database has.
    pub fn again(&self) -> ClusterCa {
        ClusterCa::open(self.secret.clone(), &self.ca.sealed()).unwrap()
    }

    pub fn rotate(&self) -> Result<Fingerprint, RotateError> {
        let next = self.ca.successor(&self.ambient)?;
        let all = [self.ca.sealed(), vec![next]].concat();
        assert!(self.ca.adopt(&all).unwrap());
        Ok(self.ca.fingerprint())
    }

    /// Takes what is replaced out of the database; whether there was anything.
    pub fn retire(&self) -> bool {
        let signing = Some(self.ca.fingerprint());
        let left: Vec<_> = self
            .ca
            .sealed()
            .into_iter()
            .filter(|one| one.fingerprint() == signing)
            .collect();
        self.ca.adopt(&left).unwrap()
    }

    pub fn node(&self, id: Uuid) -> Leaf {
        let key = NodeKey::open_or_make(self.room.path()).unwrap();
        key.with(
            self.ca
                .issue_node_leaf(id, &key.request().unwrap(), &self.ambient)
                .unwrap(),
        )
    }

    pub fn client(&self, leaf: &Leaf) -> LinkClient {
        LinkClient::new(&self.ca.certificate(), leaf, &self.ambient.clock).unwrap()
    }

    pub fn server(&self) -> Arc<ServerConfig> {
        link_server_config(Arc::clone(&self.ca), &self.ambient).unwrap()
    }
}

/// What each end made of the other: the certificates that the server saw, and what the client got to read.
pub struct Meeting {
    pub server: Result<Vec<CertificateDer<'static>>, String>,
    pub client: Result<Vec<u8>, rustls::Error>,
}

pub fn meet(server: Arc<ServerConfig>, client: Arc<ClientConfig>, name: ServerName<'static>) -> Meeting {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let host = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let spoken = server.alpn_protocols.clone();
        let mut connection = ServerConnection::new(server).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        stream.write_all(b"welcome").map_err(|error| error.to_string())?;
        stream.conn.send_close_notify();
        stream.flush().map_err(|error| error.to_string())?;
        assert_eq!(connection.alpn_protocol(), spoken.first().map(Vec::as_slice));
        assert_ne!(connection.handshake_kind(), Some(HandshakeKind::Resumed));
        Ok(connection.peer_certificates().unwrap_or_default().to_vec())
    });
    let mut socket = TcpStream::connect(address).unwrap();
    let mut connection = ClientConnection::new(client, name).unwrap();
    let mut heard = Vec::new();
    let read = Stream::new(&mut connection, &mut socket).read_to_end(&mut heard);
    let client = match read {
        Ok(_) => Ok(heard),
        Err(error) => Err(error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .unwrap()
            .clone()),
    };
    drop(socket);
    Meeting {
        server: host.join().unwrap(),
        client,
    }
}

pub fn meet_as(cluster: &Cluster, client: &LinkClient) -> Meeting {
    meet(cluster.server(), client.config(), client.server_name())
}

impl Meeting {
    /// Who the Host takes the other end for.
    pub fn peer(&self, cluster: &Cluster) -> Peer {
        cluster
            .ca
            .peer(self.server.as_ref().unwrap(), cluster.ambient.now())
            .unwrap()
    }
}
