//! A provider that answers as the story wants, over TLS with an authority of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use watchroom_kit::{Clock, SecretString, Site, Tasks};
use watchroom_oidc::{Algorithm, CameBack, Journey, Kind, Provider, Roots, Settings};
use watchroom_testkit_folder::Folder;

pub const CLIENT: &str = "watchroom";
pub const SECRET: &str = "between us&=";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Rs256,
    Es256,
    EdDsa,
    /// By a key that the provider does not show.
    OtherKey,
    /// Not at all.
    Not,
    /// As with a shared secret: the public key that everybody knows.
    HmacOfPublicKey,
}

/// What the provider answers.
#[derive(Clone, Debug)]
pub struct Script {
    pub metadata: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub userinfo: Map<String, Value>,
    pub header: Option<Value>,
    pub sign: Sign,
    /// The answer to a code, if it is not tokens: status and body.
    pub token_answer: Option<(u16, String)>,
    pub shows_keys: bool,
    pub hangs: bool,
    /// What was asked: paths and bodies.
    pub asked: Vec<(String, String)>,
}

/// Where people sign in from.
pub fn here() -> Site {
    Site::from(Some("192.0.2.7".parse().unwrap()))
}

pub struct Evil {
    pub issuer: String,
    pub script: Arc<Mutex<Script>>,
    pub folder: Folder,
    tasks: Tasks,
}

impl Drop for Evil {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

struct Signers {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    other: EcdsaKeyPair,
}

impl Signers {
    fn new() -> Self {
        let ec = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: ec(),
            ed: Ed25519KeyPair::generate().unwrap(),
            other: ec(),
        }
    }

    fn keys(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        // RSAPublicKey: a sequence of modulus and exponent, whose places are known for 2048 bits.
        let rsa = self.rsa.public_key().as_ref();
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "r", "use": "sig", "n": text(&rsa[9..265]), "e": text(&rsa[rsa.len() - 3..]) },
            { "kty": "EC", "kid": "e", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) },
            { "kty": "OKP", "kid": "d", "crv": "Ed25519", "alg": "EdDSA", "x": text(self.ed.public_key().as_ref()) },
            { "kty": "quantum", "kid": "q" },
        ] })
    }

    fn token(&self, script: &Script) -> String {
        let header = script.header.clone().unwrap_or_else(|| match script.sign {
            Sign::Rs256 => json!({ "alg": "RS256", "kid": "r" }),
            Sign::Es256 | Sign::OtherKey => json!({ "alg": "ES256", "kid": "e" }),
            Sign::EdDsa => json!({ "alg": "EdDSA", "kid": "d" }),
            Sign::Not => json!({ "alg": "none" }),
            Sign::HmacOfPublicKey => json!({ "alg": "HS256", "kid": "r" }),
        });
        let part = |value: &str| BASE64URL_NOPAD.encode(value.as_bytes());
        let claims = Value::Object(script.claims.clone()).to_string();
        let signed = format!("{}.{}", part(&header.to_string()), part(&claims));
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        let signature = match script.sign {
            Sign::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Sign::Es256 => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            Sign::OtherKey => self.other.sign(&random, message).unwrap().as_ref().to_vec(),
            Sign::EdDsa => self.ed.sign(message).as_ref().to_vec(),
            Sign::Not => Vec::new(),
            Sign::HmacOfPublicKey => {
                let key =
                    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.rsa.public_key().as_ref());
                aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

impl Evil {
    /// A provider that tells the truth until the story says otherwise.
    pub async fn open() -> Self {
        let folder = Folder::new();
        let (acceptor, authority) = tls();
        std::fs::write(folder.path().join("ca.pem"), authority).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let script = Arc::new(Mutex::new(Script::honest(&issuer)));
        let (signers, answers) = (Arc::new(Signers::new()), Arc::clone(&script));
        let tasks = Tasks::new();
        let answering = tasks.clone();
        tasks.spawn("evil provider", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, signers, script) = (acceptor.clone(), signers.clone(), answers.clone());
                answering.spawn("evil answer", async move {
                    answer(stream, &acceptor, &signers, &script).await;
                });
            }
        });
        Self {
            issuer,
            script,
            folder,
            tasks,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            name: "evil".into(),
            kind: Kind::OpenId,
            issuer: self.issuer.clone(),
            client_id: CLIENT.into(),
            client_secret: Some(SECRET.into()),
            scopes: vec!["openid".into(), "email".into()],
            algorithms: Algorithm::ALL.to_vec(),
        }
    }

    pub fn roots(&self) -> Roots {
        Roots::of_file(&self.folder.path().join("ca.pem")).unwrap()
    }

    /// The provider as Watchroom knows it, before it has asked anything.
    pub fn provider(&self) -> Provider {
        Provider::new(self.settings(), self.roots(), Clock::system())
    }

    pub fn bend(&self, bend: impl FnOnce(&mut Script)) {
        bend(&mut self.script.lock().unwrap());
    }

    pub fn asked(&self, path: &str) -> Vec<String> {
        let script = self.script.lock().unwrap();
        let of_path = script.asked.iter().filter(|(asked, _)| asked.starts_with(path));
        of_path.map(|(_, body)| body.clone()).collect()
    }
}

impl Script {
    pub fn honest(issuer: &str) -> Self {
        let object = |value: Value| value.as_object().unwrap().clone();
        let now = Clock::system().now().unix_timestamp();
        Self {
            metadata: object(json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/me"),
                "jwks_uri": format!("{issuer}/keys"),
            })),
            claims: object(json!({
                "iss": issuer, "sub": "4711", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": "nonce-1",
            })),
            userinfo: object(json!({
                "sub": "4711", "email": "ann@example.org", "email_verified": true, "groups": ["ops"],
            })),
            header: None,
            sign: Sign::Es256,
            token_answer: None,
            shows_keys: true,
            hangs: false,
            asked: Vec::new(),
        }
    }
}

pub fn journey() -> Journey {
    Journey {
        state: "state-1".into(),
        nonce: "nonce-1".into(),
        verifier: SecretString::from("v".repeat(43)),
        redirect_uri: "https://panel.example/login/oidc/evil/callback".into(),
    }
}

pub fn came() -> CameBack {
    CameBack {
        code: Some("code-1".into()),
        iss: None,
        error: None,
    }
}

fn tls() -> (TlsAcceptor, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let own = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let leaf = leaf.signed_by(&own, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(own.serialize_der()).unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority_certificate.pem())
}

/// One request, one answer, and the connection ends. Whoever hangs up early has had enough.
async fn answer(stream: TcpStream, acceptor: &TlsAcceptor, signers: &Signers, script: &Mutex<Script>) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let Some((path, body)) = request(&mut stream).await else {
        return;
    };
    let script = {
        let mut script = script.lock().unwrap();
        script.asked.push((path.clone(), body));
        script.clone()
    };
    if script.hangs {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    let object = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
    let (status, body) = match path.as_str() {
        "/.well-known/openid-configuration" => (200, object(&script.metadata)),
        "/keys" if script.shows_keys => (200, signers.keys().to_string()),
        "/keys" => (200, json!({ "keys": [] }).to_string()),
        "/me" | "/api/v3/user" => (200, object(&script.userinfo)),
        "/api/v3/user/emails" => (200, script.userinfo["emails"].to_string()),
        "/api/v3/user/orgs?per_page=100" => (200, script.userinfo["orgs"].to_string()),
        "/token" | "/login/oauth/access_token" => script.token_answer.clone().unwrap_or_else(|| {
            let tokens = json!({
                "access_token": "access-1", "token_type": "Bearer", "id_token": signers.token(&script),
            });
            (200, tokens.to_string())
        }),
        _ => (404, "{}".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\nlocation: /keys\r\n\r\n"
    );
    // The other end may have left.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<(String, String)> {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4_096];
        let read = stream.read(&mut piece).await.ok()?;
        text.push_str(std::str::from_utf8(&piece[..read]).ok()?);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return None;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some((path, format!("{}\n{body}", head.to_lowercase())));
        }
    }
}
