//! What a running Host knows of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use watchroom_defence::Defence;
use watchroom_identity::{HashError, Identity, Providers};
use watchroom_kit::Clock;
use watchroom_mail::Mail;
use watchroom_shield::{Hsts, Network, Shield};
use watchroom_store::{AuditFilter, Store};
use watchroom_trust::{ClientCa, ClusterCa, OldestTls, PanelCertificate};
use watchroom_web::{Check, Doctor, Entrance, Finding};

use super::{certificate, client_ca, keys, machine};
use crate::config::Config;

/// Memory of a hash in KiB, and passes, below which it is weaker than what OWASP advises.
const LEAST_MEMORY_KIB: u32 = 19_456;
const LEAST_PASSES: u32 = 2;
/// How long a hash should take: longer and people wait, shorter and there is room for a harder one.
const SHORT: Duration = Duration::from_millis(15);
const LONG: Duration = Duration::from_millis(1_000);
const MEASURED_EVERY: Duration = Duration::from_secs(300);
/// How far the newest entry of the log may lie ahead of the clock.
const SKEW: time::Duration = time::Duration::minutes(1);

/// The parts that are asked.
#[derive(Debug)]
pub(crate) struct HostDoctor {
    state: PathBuf,
    config: Config,
    certificate: Arc<PanelCertificate>,
    client_ca: Option<Arc<ClientCa>>,
    cluster_ca: Arc<ClusterCa>,
    shield: Shield,
    identity: Identity,
    defence: Defence,
    store: Store,
    mail: Mail,
    providers: Arc<dyn Providers>,
    clock: Clock,
    /// What a hash took, and when that was measured.
    hash_took: tokio::sync::Mutex<Option<(Duration, Duration)>>,
}

#[async_trait]
impl Doctor for HostDoctor {
    async fn examine(&self) -> Vec<Check> {
        let mut checks = vec![
            certificate::examine(&self.certificate),
            self.passkeys(),
            self.hsts(),
            self.tls(),
            client_ca::examine(self.client_ca.as_deref(), &self.config.tls.required_for),
            self.proxies(),
            self.networks(),
            self.limits(),
            self.inspection(),
            self.decoys(),
            self.bans(),
            self.lockouts(),
            super::named::examine(&self.identity.named_in_vain()),
            self.hashing().await,
            self.providers().await,
            self.directories().await,
            self.audit().await,
            self.memory().await,
            super::mail::letters(&self.mail).await,
            self.ages().await,
            keys::examine(
                (&self.cluster_ca, &self.certificate),
                &self.store,
                &self.config.keys,
            )
            .await,
        ];
        let mut seen = machine::examine(&self.state);
        if let Some(clock) = self.clock_behind_the_log().await {
            seen.retain(|check| check.id != clock.id);
            seen.push(clock);
        }
        checks.append(&mut seen);
        checks
    }
}

impl HostDoctor {
    /// Of these parts.
    pub(crate) fn new(
        state: &Path,
        config: &Config,
        (certificate, client_ca): (&Arc<PanelCertificate>, Option<&Arc<ClientCa>>),
        cluster_ca: &Arc<ClusterCa>,
        entrance: &Entrance,
        (defence, store, mail, providers): (&Defence, &Store, &Mail, Arc<dyn Providers>),
    ) -> Self {
        Self {
            state: state.to_owned(),
            config: config.clone(),
            certificate: Arc::clone(certificate),
            client_ca: client_ca.cloned(),
            cluster_ca: Arc::clone(cluster_ca),
            shield: entrance.shield.clone(),
            identity: entrance.identity.clone(),
            defence: defence.clone(),
            store: store.clone(),
            mail: mail.clone(),
            providers,
            clock: entrance.ambient.clock.clone(),
            hash_took: tokio::sync::Mutex::default(),
        }
    }

    /// Whether those who vouch for people answer.
    async fn providers(&self) -> Check {
        const ID: &str = "providers";
        let seen = self.providers.examine().await;
        let faults: Vec<String> = seen
            .iter()
            .filter_map(|(name, answer)| Some(format!("{name}: {}", answer.as_ref().err()?)))
            .collect();
        match (seen.len(), faults.is_empty()) {
            (0, _) => Check::good(ID, "nobody vouches for people here (identity.oidc)"),
            (count, true) => Check::good(ID, format!("all that vouch for people answer ({count})")),
            _ => {
                let next_step =
                    "see whether this machine reaches them, and whether issuer and ca_file are right";
                Check::found(ID, Finding::Warning, faults.join("; "), next_step)
            }
        }
    }

    async fn directories(&self) -> Check {
        const ID: &str = "directories";
        let mut away = Vec::new();
        let all = self.identity.directories();
        for directory in all {
            if let Err(error) = directory.examine().await {
                away.push(format!("{}: {}", directory.name(), error.why));
            }
        }
        match (all.len(), away.as_slice()) {
            (0, _) => Check::good(ID, "none; people sign in with accounts of this Watchroom"),
            (count, []) => Check::good(ID, format!("{count}, and each takes our connection")),
            _ => {
                let next_step = "see that its server, certificate and account are as identity.ldap says; accounts of this \
                                 Watchroom work all the same";
                Check::found(ID, Finding::Warning, away.join("; "), next_step)
            }
        }
    }

    /// A certificate that cannot be read is said to be so by its own check; without one there are no passkeys either.
    fn passkeys(&self) -> Check {
        let report = self.certificate.report();
        let (names, is_ours) = report.map_or((Vec::new(), true), |report| (report.names, report.made_by_us));
        super::passkeys::examine(&names, is_ours)
    }

    fn hsts(&self) -> Check {
        const ID: &str = "hsts";
        match self.shield.config().hsts {
            Hsts::Always => Check::good(ID, "sent over any TLS (shield.hsts = \"always\")"),
            Hsts::Auto if self.certificate.is_given() => {
                Check::good(ID, "sent for host names, as the certificate was given")
            }
            Hsts::Auto => Check::found(
                ID,
                Finding::Advice,
                "not sent: with our own certificate it would break this machine's other services",
                "it is sent by itself once you give a certificate that browsers know",
            ),
            Hsts::Never => Check::found(
                ID,
                Finding::Warning,
                "never sent (shield.hsts = \"never\")",
                "set shield.hsts = \"auto\"; to withdraw it from browsers, keep \"never\" until a year has passed",
            ),
        }
    }

    fn tls(&self) -> Check {
        const ID: &str = "tls";
        match self.config.tls.oldest {
            OldestTls::Tls13 => Check::good(ID, "TLS 1.3 only"),
            OldestTls::Tls12 => Check::found(
                ID,
                Finding::Advice,
                "TLS 1.2 is spoken too (tls.oldest = \"1.2\")",
                "set tls.oldest = \"1.3\" once no client needs the older one",
            ),
        }
    }

    fn proxies(&self) -> Check {
        const ID: &str = "proxies";
        if let Some(peer) = self.shield.undeclared_proxy() {
            return Check::found(
                ID,
                Finding::Bad,
                format!(
                    "a proxy at {peer} forwards requests and is not declared: its clients all count as one"
                ),
                format!("shield.trusted_proxies = [\"{peer}\"], if it is yours"),
            );
        }
        let wide = |network: &&Network| {
            let network = ipnet::IpNet::from(**network);
            network.prefix_len() < if network.addr().is_ipv4() { 16 } else { 48 }
        };
        let config = self.shield.config();
        match config.trusted_proxies.as_slice() {
            [] => Check::good(ID, "none, and none forwards unasked"),
            list if list.iter().any(|network| wide(&network)) => Check::found(
                ID,
                Finding::Warning,
                format!("wide networks are believed: {}", words(list)),
                "name the proxies alone in shield.trusted_proxies: whoever is in there can claim any address",
            ),
            list => Check::good(ID, format!("believed: {}", words(list))),
        }
    }

    fn networks(&self) -> Check {
        const ID: &str = "networks";
        let allowed = self.shield.config().allowed_networks;
        if allowed.administration.is_empty() {
            return Check::found(
                ID,
                Finding::Warning,
                "administration may be asked for from anywhere",
                "name your networks in shield.allowed_networks.administration",
            );
        }
        let from = |list: &[Network]| match list {
            [] => "anywhere".to_owned(),
            list => words(list),
        };
        Check::good(
            ID,
            format!(
                "administration from {}; panel from {}; nodes from {}",
                words(&allowed.administration),
                from(&allowed.panel),
                from(&allowed.nodes)
            ),
        )
    }

    fn limits(&self) -> Check {
        const ID: &str = "limits";
        let limits = self.shield.config().limits;
        if let Some(why) = self.shield.limits().trouble() {
            return Check::found(
                ID,
                Finding::Warning,
                format!("counted by this Host alone, since Redis does not answer: {why}"),
                "bring Redis back; the Host takes it up again by itself",
            );
        }
        let none = [
            ("anonymous", limits.anonymous.is_empty()),
            ("sign_in", limits.sign_in.is_empty()),
            ("sensitive", limits.sensitive.is_empty()),
        ];
        let none: Vec<_> = none.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        if !none.is_empty() {
            let next_step = "take the empty lists out of shield.limits";
            let evidence = format!("there is no limit for {}", none.join(", "));
            return Check::found(ID, Finding::Bad, evidence, next_step);
        }
        let is_shared_database = self.config.store.url.is_some();
        match (&limits.redis_url, is_shared_database) {
            (Some(_), _) => Check::good(ID, "counted together with other Hosts, in Redis"),
            (None, false) => Check::good(ID, "counted by this Host, which is alone on its database"),
            (None, true) => Check::found(
                ID,
                Finding::Advice,
                "counted by this Host alone, and its database may have more Hosts",
                "set shield.limits.redis_url where there are several: together they let that many times more through",
            ),
        }
    }

    fn inspection(&self) -> Check {
        const ID: &str = "inspection";
        let report_only = self.shield.config().inspection.report_only;
        if report_only.is_empty() {
            let refused: u64 = self
                .shield
                .findings()
                .filter(|(_, is, _)| *is)
                .map(|(.., n)| n)
                .sum();
            return Check::good(ID, format!("on; {refused} requests refused since the start"));
        }
        let classes: Vec<_> = report_only.iter().map(|class| format!("{class:?}")).collect();
        Check::found(
            ID,
            Finding::Warning,
            format!("attacks are only reported for {}", classes.join(", ")),
            "empty shield.inspection.report_only",
        )
    }

    fn decoys(&self) -> Check {
        const ID: &str = "decoys";
        let decoys = self.shield.config().decoys;
        match (decoys.as_slice(), self.defence.config().decoys) {
            ([], _) => Check::found(
                ID,
                Finding::Advice,
                "there are none",
                "take shield.decoys out of the configuration for the usual ones",
            ),
            (_, false) => Check::found(
                ID,
                Finding::Advice,
                "whoever touches one is not banned",
                "set bans.decoys = true",
            ),
            (list, true) => Check::good(ID, format!("{}; touching one bans", list.join(", "))),
        }
    }

    fn bans(&self) -> Check {
        const ID: &str = "bans";
        match self.defence.counts() {
            (active, 0) => Check::good(ID, format!("{active} hold, none waits")),
            (active, held) => Check::found(
                ID,
                Finding::Warning,
                format!("{active} hold; {held} wait, as they would hit your own"),
                "`watchroom ban list` shows whom; `watchroom ban confirm` or `watchroom ban lift`",
            ),
        }
    }

    fn lockouts(&self) -> Check {
        const ID: &str = "lockouts";
        match self.identity.locked_doors() {
            0 => Check::good(ID, "nobody's sign-in is locked"),
            locked => Check::found(
                ID,
                Finding::Advice,
                format!("{locked} hold: somebody tries passwords, or has forgotten theirs"),
                "`watchroom lockout list` shows whose; `watchroom lockout lift NAME` once they have been heard",
            ),
        }
    }

    async fn hashing(&self) -> Check {
        const ID: &str = "hashing";
        let rules = &self.config.identity.hashing;
        let cost = format!(
            "Argon2id, {} MiB, {} passes",
            rules.memory_kib / 1_024,
            rules.passes
        );
        if rules.memory_kib < LEAST_MEMORY_KIB || rules.passes < LEAST_PASSES {
            let next_step = "set identity.hashing.memory_kib = 19456 and passes = 2 at least; each password follows at its \
                             next sign-in";
            let evidence = format!("{cost}: weaker than is advised");
            return Check::found(ID, Finding::Bad, evidence, next_step);
        }
        match self.time_a_hash().await {
            Err(error) => Check::found(
                ID,
                Finding::Advice,
                format!("{cost}; not measured: {error}"),
                "ask again when fewer people sign in",
            ),
            Ok(took) if took > LONG => Check::found(
                ID,
                Finding::Warning,
                format!("{cost}: {} ms here", took.as_millis()),
                "people wait for it: lower identity.hashing.passes, or give the machine more",
            ),
            Ok(took) if took < SHORT => Check::found(
                ID,
                Finding::Advice,
                format!("{cost}: {} ms here", took.as_millis()),
                format!(
                    "this machine can do more: identity.hashing.passes = {}",
                    rules.passes * 2
                ),
            ),
            Ok(took) => Check::good(ID, format!("{cost}: {} ms here", took.as_millis())),
        }
    }

    /// Measured now and then: whoever asks often must not keep the hash threads from people.
    async fn time_a_hash(&self) -> Result<Duration, HashError> {
        let mut last = self.hash_took.lock().await;
        let now = self.clock.elapsed();
        match *last {
            Some((took, at)) if now.saturating_sub(at) < MEASURED_EVERY => Ok(took),
            _ => {
                let took = self.identity.time_a_hash().await?;
                *last = Some((took, now));
                Ok(took)
            }
        }
    }

    async fn audit(&self) -> Check {
        const ID: &str = "audit";
        let verified = self.store.audit().last_verification();
        let next_step = "`watchroom audit verify` tells where; keep the files and the database as they are";
        match (verified, self.store.audit().last_checkpoint().await) {
            (_, Err(error)) => Check::found(ID, Finding::Bad, error.to_string(), next_step),
            (Some(last), _) if !last.verdict.intact => {
                Check::found(ID, Finding::Bad, "the log is not intact", next_step)
            }
            (Some(last), _) => Check::good(
                ID,
                format!("intact: {} entries verified at {}", last.verdict.entries, last.at),
            ),
            (None, _) => Check::found(
                ID,
                Finding::Advice,
                "chained and signed; not verified since this Host started",
                "`watchroom audit verify` now and then, and keep exports elsewhere",
            ),
        }
    }

    async fn memory(&self) -> Check {
        const ID: &str = "store";
        if let Err(error) = self.store.ready().await {
            let next_step = "`/readyz` tells when it answers again; until then nothing is changed";
            return Check::found(ID, Finding::Bad, error.to_string(), next_step);
        }
        match &self.config.store.url {
            None => Check::good(ID, "SQLite, synced at each change"),
            // It may hold a password.
            Some(_) => Check::good(ID, "PostgreSQL, serializable, synced at each change"),
        }
    }

    async fn ages(&self) -> Check {
        // Where the store does not answer another check says so.
        let ring_since = self.identity.key_ring_since().await.ok().flatten();
        super::ages::examine(&self.state, &self.config, ring_since, self.clock.now())
    }

    /// Entries from the future mean that the clock was set back, or stands wrong on another Host.
    async fn clock_behind_the_log(&self) -> Option<Check> {
        let first = watchroom_model::PageRequest {
            limit: Some(1),
            cursor: None,
        };
        let page = self.store.audit().page(&AuditFilter::default(), &first).await;
        let newest = page.ok()?.items.into_iter().next()?;
        let now = self.clock.now();
        (newest.timestamp > now + SKEW).then(|| {
            Check::found(
                "clock",
                Finding::Bad,
                format!(
                    "it says {now}, and the newest entry of the log is of {}",
                    newest.timestamp
                ),
                "set the clock by NTP on every Host",
            )
        })
    }
}

fn words(list: &[Network]) -> String {
    let all: Vec<_> = list.iter().map(ToString::to_string).collect();
    all.join(", ")
}
