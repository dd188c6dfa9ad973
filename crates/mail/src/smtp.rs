//! The way to the server: one connection for each letter, with a deadline, by TLS that proves who answers.

use std::time::Duration;

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use watchroom_kit::{Clock, ExposeSecret, SecretString, files};
use watchroom_model::EmailAddress;

use crate::config::Protection;
use crate::content::Written;
use crate::{Config, OpenError, SendError};

/// What a machine without a name says it is (RFC 5321, 4.1.3).
const HELLO: [u8; 4] = [127, 0, 0, 1];

/// The server that takes our letters.
#[derive(Debug)]
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// The host name of our own address, for the ids of letters.
    own_host: String,
    patience: Duration,
}

impl Smtp {
    /// The server of this configuration; none if none is named.
    pub(crate) fn of(config: &Config, patience: Duration) -> Result<Option<Self>, OpenError> {
        let (Some(server), Some(from)) = (&config.server, &config.from) else {
            return Ok(None);
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(config.port())
            .tls(protected(config, server)?)
            .hello_name(ClientId::Ipv4(HELLO.into()))
            .timeout(Some(patience));
        if let Some(credentials) = credentials(config)? {
            builder = builder.credentials(credentials);
        }
        let own_host = from.as_str().rsplit('@').next().unwrap_or_default().to_owned();
        Ok(Some(Self {
            transport: builder.build(),
            from: mailbox(from).map_err(|why| OpenError::Tls(why.to_string()))?,
            own_host,
            patience,
        }))
    }

    /// Has the server take a letter. The id stays the same however often it is tried.
    pub(crate) async fn carry(
        &self,
        id: &str,
        to: &EmailAddress,
        written: &Written,
        clock: &Clock,
    ) -> Result<(), SendError> {
        let unfit = |error: &dyn std::error::Error| SendError::Unfit(error.to_string());
        let text = written.text.expose_secret().to_owned();
        let body = Body::new_with_encoding(text, ContentTransferEncoding::Base64)
            .map_err(|_| SendError::Unfit("its text".to_owned()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(mailbox(to)?)
            .subject(written.subject.as_str())
            .message_id(Some(format!("<{id}@{}>", self.own_host)))
            .date(clock.now().into())
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| unfit(&error))?;
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(SendError::Silent),
        }
    }
}

fn mailbox(address: &EmailAddress) -> Result<Mailbox, SendError> {
    let address: Address = address
        .as_str()
        .parse()
        .map_err(|_| SendError::Refused("it is no address that a server takes".to_owned()))?;
    Ok(Mailbox::new(None, address))
}

fn credentials(config: &Config) -> Result<Option<Credentials>, OpenError> {
    let (Some(user), Some(path)) = (&config.user, &config.password_file) else {
        return Ok(None);
    };
    let password: SecretString = files::read_secret(path).map_err(|why| OpenError::File {
        path: path.clone(),
        why,
    })?;
    Ok(Some(Credentials::new(
        user.clone(),
        password.expose_secret().to_owned(),
    )))
}

fn protected(config: &Config, server: &str) -> Result<Tls, OpenError> {
    if config.protection == Protection::None {
        return Ok(Tls::None);
    }
    let pem = std::fs::read(&config.ca_file).map_err(|error| OpenError::File {
        path: config.ca_file.clone(),
        why: format!("{error}; it names the authorities that may have signed the mail server's certificate"),
    })?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(OpenError::Tls("there is no certificate in it".to_owned()));
    }
    let authority = Certificate::from_pem(&pem).map_err(|error| OpenError::Tls(error.to_string()))?;
    let parameters = TlsParameters::builder(server.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(authority)
        .build_rustls()
        .map_err(|error| OpenError::Tls(error.to_string()))?;
    Ok(match config.protection {
        Protection::Tls => Tls::Wrapper(parameters),
        Protection::StartTls | Protection::None => Tls::Required(parameters),
    })
}

/// What the server made of it. A refusal with a code is of the letter, everything else of the server; codes of
/// authentication and of the greeting are, too.
fn told(error: &lettre::transport::smtp::Error) -> SendError {
    let words = said(error);
    if error.is_timeout() {
        return SendError::Silent;
    }
    let of_letter = error.status().is_some_and(|code| {
        let code: u16 = code.into();
        // 421: it shuts down. 43x, 45x with a 4: 454 and 53x are of TLS and authentication (RFC 4954, RFC 3207).
        !matches!(code, 421 | 432 | 454 | 500..=504 | 530..=538)
    });
    match (of_letter, error.is_permanent()) {
        (true, true) => SendError::Refused(words),
        (true, false) if error.is_transient() => SendError::Later(words),
        _ => SendError::Server(words),
    }
}

/// The error and what led to it, on one line.
fn said(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        source = inner.source();
    }
    let one_line: String = words
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(300)
        .collect();
    one_line
}

/// `Auto-Submitted: auto-generated` (RFC 3834), so that nobody's absence is told to us.
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
