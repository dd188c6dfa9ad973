//! The cluster CAs that are trusted at one time, and what opens their keys.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;

use crate::authority::Authority;
use crate::{ClusterId, ClusterSecret, ModuleError, SealedCa, SecurityModule, UnsealError, provider};

/// What opens the keys of the cluster CAs, and where new ones are made.
#[derive(Clone, Debug)]
pub struct CaKeys {
    /// Seals them, or their names in the module.
    pub secret: ClusterSecret,
    /// The security module in which they are, or are to be; none if this program holds them.
    pub module: Option<SecurityModule>,
}

impl From<ClusterSecret> for CaKeys {
    fn from(secret: ClusterSecret) -> Self {
        Self { secret, module: None }
    }
}

/// The CAs that are trusted at one time.
pub(crate) struct Generations {
    /// Signs.
    pub(crate) signing: Arc<Authority>,
    /// Signed before, and is trusted still.
    pub(crate) retiring: Option<Retiring>,
    /// Both as the database has them.
    pub(crate) sealed: Vec<SealedCa>,
    /// Takes certificates by either of them.
    pub(crate) nodes: Arc<dyn ClientCertVerifier>,
}

/// A CA that signed before the one that signs.
pub(crate) struct Retiring {
    certificate: CertificateDer<'static>,
    /// Signs for those who trust it alone; or why its key cannot be used. It is trusted all the same.
    authority: Result<Arc<Authority>, ModuleError>,
}

impl From<Authority> for Retiring {
    fn from(authority: Authority) -> Self {
        Self {
            certificate: authority.certificate().clone(),
            authority: Ok(Arc::new(authority)),
        }
    }
}

impl Retiring {
    /// As [`Authority::prove_key`].
    pub(crate) fn prove_key(&self) -> Result<Option<String>, ModuleError> {
        self.authority.as_ref().map_err(Clone::clone)?.prove_key()
    }
}

impl Generations {
    /// These, as the database is to have them.
    pub(crate) fn new(
        signing: Authority,
        retiring: Option<Retiring>,
        sealed: Vec<SealedCa>,
    ) -> Result<Self, UnsealError> {
        let unusable = |error: &dyn std::fmt::Display| UnsealError::NotACa(error.to_string());
        let mut roots = RootCertStore::empty();
        let old = retiring.iter().map(|one| &one.certificate);
        for certificate in std::iter::once(signing.certificate()).chain(old) {
            roots.add(certificate.clone()).map_err(|error| unusable(&error))?;
        }
        let nodes = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider::provider());
        Ok(Self {
            signing: Arc::new(signing),
            retiring,
            sealed,
            nodes: nodes.build().map_err(|error| unusable(&error))?,
        })
    }

    /// What is trusted, the one that signs first.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let retiring = self.retiring.iter().map(|one| &one.certificate);
        std::iter::once(self.signing.certificate()).chain(retiring)
    }

    /// Those by which something of this Host's own is signed, the one that signs first.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &Arc<Authority>> {
        let retiring = self.retiring.iter().filter_map(|one| one.authority.as_ref().ok());
        std::iter::once(&self.signing).chain(retiring)
    }

    /// Has each of them make something: one by each that can, and whether all could. The one that signs must.
    pub(crate) fn by_each<T, E: std::fmt::Display>(
        &self,
        mut make: impl FnMut(&Authority) -> Result<T, E>,
    ) -> Result<(Vec<T>, bool), E> {
        let mut made = vec![make(&self.signing)?];
        let mut is_whole = true;
        for one in self.signers().skip(1) {
            match make(one) {
                Ok(more) => made.push(more),
                Err(error) => {
                    is_whole = false;
                    tracing::warn!(%error, "the CA before this one does not sign; nodes that trust it alone do not link here until it does");
                }
            }
        }
        Ok((made, is_whole))
    }

    /// Whether anything is signed by a module, which may take its time.
    pub(crate) fn wait_for_a_module(&self) -> bool {
        self.signers().any(|one| one.is_apart())
    }

    /// Opens the CAs that the database has: one signs, and may have one before it.
    pub(crate) fn open(keys: &CaKeys, sealed: &[SealedCa]) -> Result<Self, UnsealError> {
        let is_replaced = |one: &SealedCa| sealed.iter().any(|other| other.replaces == one.fingerprint());
        let [signs] = sealed.iter().filter(|one| !is_replaced(one)).collect::<Vec<_>>()[..] else {
            return Err(UnsealError::NoneSigns);
        };
        let open = |one: &SealedCa| {
            let (certificate, key) = keys.secret.unseal(one)?;
            let authority = Authority::of(certificate.clone(), &key, keys.module.as_ref());
            Ok::<_, UnsealError>((certificate, authority))
        };
        let before = sealed
            .iter()
            .find(|one| signs.replaces.is_some() && one.fingerprint() == signs.replaces);
        if sealed.len() > 1 + usize::from(before.is_some()) {
            return Err(UnsealError::NoneSigns);
        }
        let retiring = before.map(|one| match open(one)? {
            (_, Ok(authority)) => Ok(Retiring::from(authority)),
            // What is left of it is to be trusted for a while: not worth standing still for.
            (certificate, Err(UnsealError::Module(error))) => {
                tracing::warn!(%error, "the key of the CA before this one cannot be used; nodes that trust it alone do not link here until it can and this Host is restarted");
                Ok(Retiring {
                    certificate,
                    authority: Err(error),
                })
            }
            (_, Err(error)) => Err(error),
        });
        Self::new(open(signs)?.1?, retiring.transpose()?, sealed.to_vec())
    }

    /// The cluster that all of them state.
    pub(crate) fn cluster(&self) -> Result<ClusterId, UnsealError> {
        let mut stated = self.certificates().map(|ca| ClusterId::stated_by(ca));
        let first = stated.next().flatten();
        let first = first.ok_or_else(|| UnsealError::NotACa("it states no cluster".to_owned()))?;
        match stated.all(|other| other == Some(first)) {
            true => Ok(first),
            false => Err(UnsealError::AnotherCluster),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchroom_kit::Ambient;
    use zeroize::Zeroizing;

    use crate::{ClusterCa, ClusterSecret, ModuleError, OrderSigner, link_server_config};

    #[test]
    fn a_ca_before_this_one_whose_key_is_gone_is_trusted_still_and_stops_nothing() {
        let ambient = Ambient::system();
        let secret = ClusterSecret::by_chance(&ambient.entropy);
        let ca = ClusterCa::found(secret.clone(), &ambient).unwrap();
        let (before, next) = (ca.sealed().remove(0), ca.successor(&ambient).unwrap());
        let (certificate, _) = secret.unseal(&before).unwrap();
        let gone = secret.seal(
            &certificate,
            Zeroizing::new(b"pkcs11:id=%01;type=private".to_vec()),
            None,
            &ambient.entropy,
        );
        let ca = ClusterCa::open(secret, &[gone.unwrap(), next]).unwrap();
        assert_eq!(ca.anchors().len(), 2);
        let why = ca.prove_retiring_key().unwrap().unwrap_err();
        assert!(matches!(why, ModuleError::NotConfigured { .. }), "{why}");
        let ca = Arc::new(ca);
        let pen = OrderSigner::new(Arc::clone(&ca), &ambient).unwrap();
        assert_eq!(pen.sign(b"an order").unwrap().leaves.len(), 1);
        link_server_config(ca, &ambient).unwrap();
    }
}
