//! Keeps the authorities of people's client certificates as their file is, while the Host runs.
//!
//! Who connects is asked by the authorities in force then; connections that are open go on, and what they have shown is judged
//! at each request by the authorities in force at that time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use watchroom_kit::Ambient;
use watchroom_shield::Shield;
use watchroom_trust::{ClientCa, PanelCertificate, panel_server_config};

use crate::config::{Config, TlsSection};
use crate::failure::Failure;
use crate::wire::client_ca::ByClientCa;

/// How often the file is looked at. Two looks in a row must find the same, as it may be half written.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// The configured authorities, if there are any; from now on the edge wants certificates of theirs. A file that cannot be used
/// keeps people from what needs a certificate, and from nothing else.
pub(super) fn open(config: &Config, shield: &Shield, ambient: &Ambient) -> Option<Arc<ClientCa>> {
    let TlsSection {
        client_ca,
        required_for,
        ..
    } = &config.tls;
    let authorities = Arc::new(ClientCa::open(client_ca.as_deref()?, &ambient.clock));
    if let Some(error) = authorities.trouble() {
        tracing::error!(
            setting = "tls.client_ca",
            "nobody can prove themselves by a client certificate: {error}"
        );
    }
    shield.want_certificates(
        required_for.clone(),
        Arc::new(ByClientCa(Arc::clone(&authorities))),
    );
    Some(authorities)
}

/// TLS for the panel, made anew whenever the authorities change.
pub(super) fn serve(
    certificate: &Arc<PanelCertificate>,
    client_ca: Option<&Arc<ClientCa>>,
    config: &Config,
    ambient: &Ambient,
) -> Result<Arc<ArcSwap<ServerConfig>>, Failure> {
    let (certificate, oldest, clock) = (Arc::clone(certificate), config.tls.oldest, ambient.clock.clone());
    let make = move |ca: Option<&ClientCa>| panel_server_config(&certificate, oldest, &clock, ca);
    let made = make(client_ca.map(AsRef::as_ref)).map_err(Failure::trust)?;
    let served = Arc::new(ArcSwap::new(made));
    if let Some(ca) = client_ca {
        follow(Arc::clone(ca), Arc::clone(&served), make, ambient);
    }
    Ok(served)
}

fn follow(
    ca: Arc<ClientCa>,
    served: Arc<ArcSwap<ServerConfig>>,
    make: impl Fn(Option<&ClientCa>) -> Result<Arc<ServerConfig>, rustls::Error> + Send + 'static,
    ambient: &Ambient,
) {
    let mut read = ca.seen();
    ambient.tasks.spawn("client authorities", async move {
        let mut before = read.clone();
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        loop {
            tick.tick().await;
            let now = ca.seen();
            if now == before && now != read {
                read = now.clone();
                match ca.reload() {
                    Ok(()) => tracing::info!(
                        authorities = ca.report().len(),
                        "people are asked for client certificates by the file that was put there"
                    ),
                    Err(error) => tracing::error!(
                        setting = "tls.client_ca",
                        "the authorities before stay in force: {error}"
                    ),
                }
                match make(Some(&ca)) {
                    Ok(config) => served.store(config),
                    Err(error) => {
                        tracing::error!(%error, "people are asked for client certificates as before");
                    }
                }
            }
            before = now;
        }
    });
}
