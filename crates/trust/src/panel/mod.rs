//! The panel's certificate: given by an administrator, or made by us and kept good.
//!
//! `<state>/ssl/server.{crt,key}` are made when missing, and made again when they no longer do, but only if
//! we made them: what an administrator put there is never touched. What we made is known by its hash in
//! `made-by-watchroom.json` beside it.

mod make;
mod pair;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use watchroom_kit::files::{self, FolderError};
use watchroom_kit::{Ambient, Fault, FaultKind};

use self::pair::Pair;
use crate::authority::{Authority, Title};
use crate::keyfile::{self, KeyFileError};
use crate::own_key;
use crate::security_module::Reference;
use crate::{CertificateReport, Fingerprint, LocalNames, ModuleError, SecurityModule};

/// The kind of key of a certificate that we make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PanelKeyKind {
    /// RSA with 2048 bits: what the oldest browsers take.
    #[default]
    Rsa2048,
    /// ECDSA over P-256: smaller and faster.
    EcdsaP256,
}

/// What a certificate of ours should be.
#[derive(Clone, Debug)]
pub struct PanelSettings {
    /// The kind of its key.
    pub key_kind: PanelKeyKind,
    /// What it must cover.
    pub names: LocalNames,
    /// The security module, if there is one: a new panel CA is made in it, and keys are looked for there.
    pub module: Option<SecurityModule>,
    /// Whether the certificate's own key (then ECDSA P-256) is to be there too: each handshake asks the module then.
    pub is_key_apart: bool,
}

impl PanelSettings {
    /// Of a certificate whose keys this program holds.
    #[must_use]
    pub const fn new(key_kind: PanelKeyKind, names: LocalNames) -> Self {
        Self {
            key_kind,
            names,
            module: None,
            is_key_apart: false,
        }
    }

    /// Whether a key for the certificate is made in the module.
    fn makes_apart(&self) -> bool {
        self.is_key_apart && SecurityModule::for_new_keys(self.module.as_ref()).is_some()
    }
}

/// What was found or done when the certificate was loaded, to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanelVerdict {
    /// Ours, and good.
    Kept,
    /// There was none: made.
    Made,
    /// Ours, and no longer good: made again.
    Remade {
        /// Why, as a clause.
        why: String,
    },
    /// An administrator's. It is served as it is.
    Given {
        /// What is wrong with it; empty if nothing.
        problems: Vec<String>,
    },
}

impl PanelVerdict {
    /// Whether the files that are there now are of our own writing.
    #[must_use]
    pub fn has_written(&self) -> bool {
        match self {
            Self::Made | Self::Remade { .. } => true,
            Self::Kept | Self::Given { .. } => false,
        }
    }
}

/// Why there is no certificate to serve the panel with.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// The folder is not fit to hold keys.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The administrator's certificate cannot be served.
    #[error("the given certificate {} cannot be served: {why}; or remove it and its key, and one is made", path.display())]
    GivenUnusable {
        /// The certificate.
        path: PathBuf,
        /// Why, with the next step.
        why: String,
    },
    /// It is the administrator's to renew.
    #[error("{} was given by an administrator and is never overwritten; remove it and its key to have one made", path.display())]
    GivenStays {
        /// The certificate.
        path: PathBuf,
    },
}

impl Fault for PanelError {
    fn kind(&self) -> FaultKind {
        if matches!(self, Self::GivenStays { .. }) {
            FaultKind::Conflict
        } else {
            FaultKind::Internal
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Folder(_) => "key-unusable",
            Self::KeyFile(error) => error.slug(),
            Self::GivenUnusable { .. } => "certificate-unusable",
            Self::GivenStays { .. } => "certificate-given",
        }
    }

    fn public(&self) -> String {
        "the panel's certificate needs an administrator; `watchroom tls verify` names the file and the next step".to_owned()
    }
}

/// The certificate that the panel is served with. Every connection takes the one that is current when it
/// says hello, so that a reload drops nothing.
pub struct PanelCertificate {
    opened_with: FilesSeen,
    pair: Pair,
    authority: Authority,
    settings: PanelSettings,
    names: ArcSwap<LocalNames>,
    ambient: Ambient,
    served: Arc<Served>,
    is_given: AtomicBool,
}

/// What the system says of the two files, to notice that somebody put others there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesSeen([Option<FileSeen>; 2]);

/// Device and number of a file, its size, and when it or its permissions were changed, in seconds and nanoseconds.
type FileSeen = (u64, u64, u64, (i64, i64));

impl std::fmt::Debug for PanelCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelCertificate")
            .field("certificate", &self.pair.certificate)
            .finish_non_exhaustive()
    }
}

impl PanelCertificate {
    /// Loads `<state>/ssl/server.{crt,key}`, or makes what is missing or no longer good.
    ///
    /// # Errors
    /// [`PanelError`] if nothing can be served.
    pub fn open_or_make(
        state: &Path,
        settings: PanelSettings,
        ambient: &Ambient,
    ) -> Result<(Self, PanelVerdict), PanelError> {
        let folder = state.join("ssl");
        files::private_folder(&folder)?;
        let keys = keyfile::keys_folder(state)?;
        let authority =
            Authority::open_or_make(&keys, "panel-ca", settings.module.as_ref(), ambient, || {
                let tag = ambient.uuid().simple().to_string();
                let tag = tag.get(24..).unwrap_or_default().to_owned();
                Ok(Title {
                    name: format!("Watchroom panel CA {tag}"),
                    names: Vec::new(),
                })
            })?;
        let pair = Pair::below(&folder);
        let mut found = pair.seen();
        let mut loaded = make::load(&pair, &authority, &settings, ambient);
        if matches!(loaded, Err(PanelError::GivenStays { .. })) {
            found = pair.seen();
            loaded = make::load(&pair, &authority, &settings, ambient);
        }
        let (certified, verdict) = loaded?;
        let served = Arc::new(Served(ArcSwap::from_pointee(certified)));
        let opened_with = if verdict.has_written() { pair.seen() } else { found };
        Ok((
            Self {
                opened_with,
                pair,
                authority,
                names: ArcSwap::from_pointee(settings.names.clone()),
                settings,
                ambient: ambient.clone(),
                served,
                is_given: AtomicBool::new(is_given(&verdict)),
            },
            verdict,
        ))
    }

    /// Reads the files again and serves what is there from now on; connections that are open stay so.
    ///
    /// # Errors
    /// [`PanelError`]; what was served before is then served on.
    pub fn reload(&self) -> Result<PanelVerdict, PanelError> {
        let (certified, verdict) = make::load(&self.pair, &self.authority, &self.settings(), &self.ambient)?;
        self.served.0.store(Arc::new(certified));
        self.is_given.store(is_given(&verdict), Ordering::Relaxed);
        Ok(verdict)
    }

    /// Says what it must cover from now on: the next [`PanelCertificate::reload`] judges by that.
    pub fn cover(&self, names: LocalNames) {
        self.names.store(Arc::new(names));
    }

    /// What it must cover.
    #[must_use]
    pub fn names(&self) -> Arc<LocalNames> {
        self.names.load_full()
    }

    fn settings(&self) -> PanelSettings {
        PanelSettings {
            names: LocalNames::clone(&self.names()),
            ..self.settings.clone()
        }
    }

    /// Whether what is served was given by an administrator.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.is_given.load(Ordering::Relaxed)
    }

    /// The files as they were when it was opened.
    #[must_use]
    pub fn opened_with(&self) -> &FilesSeen {
        &self.opened_with
    }

    /// The files as they are now: another answer than before says that a [`PanelCertificate::reload`] is due.
    #[must_use]
    pub fn seen(&self) -> FilesSeen {
        self.pair.seen()
    }

    /// Makes a new certificate now, if the present one is ours.
    ///
    /// # Errors
    /// [`PanelError::GivenStays`] for an administrator's certificate, or why none could be made.
    pub fn regenerate(&self) -> Result<PanelVerdict, PanelError> {
        if !self.pair.is_ours()? {
            return Err(PanelError::GivenStays {
                path: self.pair.certificate.clone(),
            });
        }
        make::make(&self.pair, &self.authority, &self.settings(), &self.ambient)?;
        self.reload()?;
        Ok(PanelVerdict::Remade {
            why: "asked for".to_owned(),
        })
    }

    /// What is on disk and what is wrong with it.
    ///
    /// # Errors
    /// [`KeyFileError`] if there is nothing to report on.
    pub fn report(&self) -> Result<CertificateReport, KeyFileError> {
        let mut report = CertificateReport::read(
            &self.pair.certificate,
            &self.pair.key,
            self.settings.module.as_ref(),
            self.ambient.now(),
        )?;
        report.made_by_us = self.pair.is_ours()?;
        Ok(report)
    }

    /// Has the key of the panel CA sign once, if it is in a security module: the label of its token.
    ///
    /// # Errors
    /// [`ModuleError`] if it does not sign.
    pub fn prove_authority(&self) -> Result<Option<String>, ModuleError> {
        self.authority.prove_key()
    }

    /// Has the key of the certificate sign once, as [`PanelCertificate::prove_authority`].
    ///
    /// # Errors
    /// [`KeyFileError::Module`] if it does not sign, or why its file cannot be read.
    pub fn prove_key(&self) -> Result<Option<String>, KeyFileError> {
        let Some(content) = keyfile::read_key(&self.pair.key)? else {
            return Ok(None);
        };
        let Some(reference) = Reference::find(&content)? else {
            return Ok(None);
        };
        let key = own_key::named(&reference, self.settings.module.as_ref())?;
        key.prove()?;
        Ok(Some(key.token().to_owned()))
    }

    /// The fingerprint of the certificate that is served now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(
            self.served
                .0
                .load()
                .cert
                .first()
                .map_or(&[], |leaf| leaf.as_ref()),
        )
    }

    /// The panel CA's certificate, for browsers that should trust this machine; the same as
    /// `<state>/keys/panel-ca.crt`.
    #[must_use]
    pub const fn authority(&self) -> &CertificateDer<'static> {
        self.authority.certificate()
    }

    pub(crate) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::clone(&self.served) as Arc<dyn ResolvesServerCert>
    }
}

const fn is_given(verdict: &PanelVerdict) -> bool {
    matches!(verdict, PanelVerdict::Given { .. })
}

#[derive(Debug)]
struct Served(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}
