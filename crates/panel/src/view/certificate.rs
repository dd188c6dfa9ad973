//! The certificate that browsers meet, on the page *Security*.

use time::OffsetDateTime;

use super::Moment;
use super::security::CheckRow;
use crate::certificate::{CertificateText, ServedCertificate};
use crate::text::EN;

/// The certificate as it is served.
#[derive(Clone, Debug)]
pub(crate) struct CertificateCard {
    /// Its SHA-256.
    pub(crate) fingerprint: String,
    /// What it says, unless that cannot be read.
    pub(crate) says: Option<CertificateFacts>,
    /// What the doctor found of it.
    pub(crate) verdict: Option<CheckRow>,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFacts {
    /// What it covers.
    pub(crate) names: String,
    /// Whose it is.
    pub(crate) whose: &'static str,
    /// Who signed it.
    pub(crate) issuer: String,
    /// From when it is valid.
    pub(crate) from: Moment,
    /// Until when.
    pub(crate) until: Moment,
    /// How long that is from now.
    pub(crate) left: String,
    /// What is wrong with it.
    pub(crate) problems: Vec<String>,
}

impl CertificateCard {
    /// Of this certificate, seen from `now`, with what the doctor found of it.
    pub(crate) fn new(served: ServedCertificate, checks: &[CheckRow], now: OffsetDateTime) -> Self {
        let verdict = checks.iter().find(|row| row.check.id == "certificate");
        Self {
            fingerprint: served.fingerprint,
            says: served.says.map(|text| CertificateFacts::new(text, now)),
            verdict: verdict.cloned(),
        }
    }
}

impl CertificateFacts {
    fn new(text: CertificateText, now: OffsetDateTime) -> Self {
        Self {
            names: text.names.join(", "),
            whose: if text.is_ours {
                EN.certificate_ours
            } else {
                EN.certificate_given
            },
            issuer: text.issuer,
            from: Moment::full(text.not_before),
            until: Moment::full(text.not_after),
            left: left((text.not_after - now).whole_seconds()),
            problems: text.problems,
        }
    }
}

fn left(seconds: i64) -> String {
    match seconds {
        ..=0 => EN.certificate_ended.to_owned(),
        1..86_400 => EN.certificate_last_day.to_owned(),
        86_400..172_800 => EN.certificate_day_left.to_owned(),
        more => EN.certificate_days_left(more / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_days() {
        assert_eq!(left(-5), "it has ended");
        assert_eq!(left(3_600), "less than a day left");
        assert_eq!(left(90_000), "1 day left");
        assert_eq!(left(30 * 86_400 + 5), "30 days left");
    }
}
