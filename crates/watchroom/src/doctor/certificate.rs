//! The check of the certificate that browsers meet: whose it is, how long it lasts, and what is wrong with it.

use watchroom_trust::{PanelCertificate, Verdict};
use watchroom_web::{Check, Finding};

const ID: &str = "certificate";

/// What is to be said of it.
pub(super) fn examine(certificate: &PanelCertificate) -> Check {
    let report = match certificate.report() {
        Ok(report) => report,
        Err(error) => {
            let next_step = "`watchroom tls verify` names the file";
            return Check::found(ID, Finding::Bad, error.to_string(), next_step);
        }
    };
    let whose = if report.made_by_us { "our own" } else { "given" };
    let names = report.names.join(", ");
    let evidence = format!("{whose}, {} days left, for {names}", report.days_left);
    let finding = match report.verdict {
        Verdict::Good if report.made_by_us => {
            let next_step = "give one that browsers know (ssl/server.crt and ssl/server.key), or have browsers trust \
                             the authority keys/panel-ca.crt";
            return Check::found(ID, Finding::Advice, evidence, next_step);
        }
        Verdict::Good => return Check::good(ID, evidence),
        Verdict::Warning => Finding::Warning,
        Verdict::Bad => Finding::Bad,
    };
    let evidence = format!("{evidence}; {}", report.problems.join("; "));
    let next_step = "`watchroom tls generate` makes a new one; one that you gave is yours to renew";
    Check::found(ID, finding, evidence, next_step)
}
