//! The panel shows the certificate that it is served with.

use std::sync::Arc;

use watchroom_panel::{CertificateText, Certificates, ServedCertificate};
use watchroom_trust::PanelCertificate;

/// The panel's certificate, as its page *Security* asks for it.
#[derive(Debug)]
pub(crate) struct OfPanel(pub(crate) Arc<PanelCertificate>);

impl Certificates for OfPanel {
    fn served(&self) -> ServedCertificate {
        let served = self.0.fingerprint();
        // The file may hold another one already, of which nothing is to be said here: browsers do not meet it yet.
        let report = self
            .0
            .report()
            .ok()
            .filter(|report| report.fingerprint_sha256 == served);
        ServedCertificate {
            fingerprint: served.to_string(),
            says: report.map(|report| CertificateText {
                issuer: report.issuer,
                is_ours: report.made_by_us,
                names: report.names,
                not_before: report.not_before,
                not_after: report.not_after,
                problems: report.problems,
            }),
        }
    }
}
