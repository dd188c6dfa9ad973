//! `watchroom tls`: the certificate that browsers see.

use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use watchroom_kit::FaultKind;
use watchroom_trust::{CertificateReport, PanelCertificate, PanelKeyKind, PanelVerdict, Verdict};

use super::context::Context;
use crate::failure::Failure;
use crate::output::Column;
use crate::state::State;

/// Make, show and verify the panel's certificate
#[derive(Debug, Subcommand)]
pub(super) enum Tls {
    /// Make a new certificate for this machine's names and addresses; one you gave is never overwritten
    #[command(after_help = "Example:\n  watchroom tls generate --key ecdsa-p256")]
    Generate {
        /// The kind of its key [default: tls.key]
        #[arg(long, value_name = "KIND")]
        key: Option<KeyKind>,
    },
    /// Check the certificate and its key; exit code 1 if browsers would refuse it
    #[command(after_help = "Example:\n  watchroom tls verify")]
    Verify,
    /// Show what is in the certificate
    #[command(after_help = "Example:\n  watchroom tls info -o json")]
    Info,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KeyKind {
    /// RSA with 2048 bits: what the oldest browsers take
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// ECDSA over P-256: smaller and faster
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
}

const CARD: &[Column] = &[
    Column::new("SUBJECT", "subject"),
    Column::new("ISSUER", "issuer"),
    Column::new("NAMES", "names"),
    Column::new("VALID FROM", "not_before"),
    Column::new("VALID UNTIL", "not_after"),
    Column::new("DAYS LEFT", "days_left"),
    Column::new("SHA-256", "fingerprint_sha256"),
    Column::new("KEY MATCHES", "key_matches"),
    Column::new("VERDICT", "verdict"),
    Column::new("PROBLEMS", "problems"),
];

impl Tls {
    pub(super) fn run(self, mut context: Context) -> Result<(), Failure> {
        match self {
            Self::Generate { key } => generate(context, key),
            Self::Info => {
                let report = shown(&report(&context)?)?;
                context.output.thing(&report, CARD)
            }
            Self::Verify => {
                let report = report(&context)?;
                let sentence = match report.problems.as_slice() {
                    [] => format!("The certificate is good for {} days.", report.days_left),
                    problems => format!("The certificate: {}.", problems.join("; ")),
                };
                if report.verdict == Verdict::Bad {
                    return Err(Failure::found(format!(
                        "browsers will refuse the certificate: {}",
                        report.problems.join("; ")
                    ))
                    .next_step("`watchroom tls generate` makes a new one, unless you gave your own"));
                }
                context.output.done(&sentence, &shown(&report)?)
            }
        }
    }
}

fn generate(mut context: Context, key: Option<KeyKind>) -> Result<(), Failure> {
    let state = context.state()?;
    State::prepare(&state)?;
    let config = context.sources(Vec::new()).load()?.config;
    let module = config.keys.module(&state)?;
    let mut settings = config.panel_settings(module).map_err(|error| {
        Failure::new(
            FaultKind::Internal,
            format!("cannot ask this machine for its addresses: {error}"),
        )
    })?;
    settings.key_kind = match key {
        None => settings.key_kind,
        Some(KeyKind::Rsa2048) => PanelKeyKind::Rsa2048,
        Some(KeyKind::EcdsaP256) => PanelKeyKind::EcdsaP256,
    };
    let (certificate, verdict) =
        PanelCertificate::open_or_make(&state, settings, &context.ambient).map_err(refused)?;
    if !matches!(verdict, PanelVerdict::Made | PanelVerdict::Remade { .. }) {
        certificate.regenerate().map_err(refused)?;
    }
    let report = shown(&report(&context)?)?;
    context.remark("A Host that runs serves it within seconds.");
    context.output.done(
        &format!("A new certificate was made: {}", certificate.fingerprint()),
        &report,
    )
}

/// The cause is for the person at this machine, who may know the paths.
fn refused(error: watchroom_trust::PanelError) -> Failure {
    Failure::from(error)
}

fn report(context: &Context) -> Result<CertificateReport, Failure> {
    let state = context.state()?;
    let module = context.sources(Vec::new()).load()?.config.keys.module(&state)?;
    let folder = state.join("ssl");
    let read = CertificateReport::read(
        &folder.join("server.crt"),
        &folder.join("server.key"),
        module.as_ref(),
        context.ambient.now(),
    );
    read.map_err(|error| {
        Failure::new(FaultKind::NotFound, error.to_string()).next_step(
            "`watchroom up` makes a certificate at its first start, `watchroom tls generate` makes one now",
        )
    })
}

/// The report as the API shapes things. Who made the certificate is not told by the files alone.
fn shown(report: &CertificateReport) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(report).map_err(|error| {
        Failure::new(
            FaultKind::Internal,
            format!("the certificate cannot be shown: {error}"),
        )
    })?;
    if let Some(members) = value.as_object_mut() {
        members.remove("made_by_us");
    }
    Ok(value)
}
