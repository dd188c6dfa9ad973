//! How many certificates somebody may show. Whoever searches for a way from a certificate to an authority tries those that were
//! sent along in every order that their names allow, and each try reads all of them: enough of them keep a core busy for
//! a minute, and nobody has shown yet that they have a key.

use rustls::{CertificateError, Error, OtherError};
use rustls_pki_types::CertificateDer;

/// Certificates beside one's own. A company's authorities stand two or three deep.
const MOST_OTHERS: usize = 4;
/// Bytes of all of them together with one's own.
const MOST_BYTES: usize = 16 * 1024;

/// The certificates are more than it takes to prove anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {MOST_OTHERS} certificates were sent along, or more than {MOST_BYTES} bytes; send those between yours and the authority alone"
)]
struct TooLong;

/// Refuses what no honest end shows. Every verifier asks this first.
///
/// # Errors
/// There are too many, or they are too large.
pub(crate) fn check(own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
    let bytes = own.len() + others.iter().map(|one| one.len()).sum::<usize>();
    if others.len() <= MOST_OTHERS && bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(CertificateError::Other(OtherError(std::sync::Arc::new(TooLong))).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> CertificateDer<'static> {
        vec![0; bytes].into()
    }

    #[test]
    fn a_chain_has_a_length_in_certificates_and_in_bytes() {
        assert_eq!(check(&of(4_096), &vec![of(3_072); 4]), Ok(()));
        assert!(check(&of(4_097), &vec![of(3_072); 4]).is_err());
        assert!(check(&of(1), &vec![of(1); 5]).is_err());
        assert!(check(&of(MOST_BYTES + 1), &[]).is_err());
    }
}
