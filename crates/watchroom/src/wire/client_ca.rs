//! The edge asks for certificates of people, and the authorities of `tls.client_ca` judge them.

use std::sync::Arc;

use watchroom_shield::{JudgeCertificates, Lacks};
use watchroom_trust::{CertificateDer, ClientCa, Unproven};

/// Judges by the authorities of the configured file.
#[derive(Debug)]
pub(crate) struct ByClientCa(pub(crate) Arc<ClientCa>);

impl JudgeCertificates for ByClientCa {
    fn judge(&self, shown: &[CertificateDer<'static>]) -> Result<(), Lacks> {
        self.0.judge(shown).map_err(|why| match why {
            Unproven::Missing => Lacks::Certificate,
            Unproven::AnotherAuthority => Lacks::Authority,
            Unproven::Expired | Unproven::AuthorityExpired => Lacks::Time,
            Unproven::NotYet => Lacks::Start,
            Unproven::NotForClients => Lacks::Purpose,
            Unproven::Unusable => Lacks::Form,
            Unproven::NoAuthority => Lacks::Judge,
        })
    }
}
