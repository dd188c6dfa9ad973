//! The cluster CAs that are trusted at one time, and what opens their keys.

use std::sync::Arc;

use crate::authority::Authority;
use crate::{ClusterId, ClusterSecret, SealedCa, SecurityModule, UnsealError};

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
    pub(crate) retiring: Option<Arc<Authority>>,
    /// Both as the database has them.
    pub(crate) sealed: Vec<SealedCa>,
}

impl Generations {
    /// The CAs, the one that signs first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Authority>> {
        std::iter::once(&self.signing).chain(&self.retiring)
    }

    /// Opens the CAs that the database has: one signs, and may have one before it.
    pub(crate) fn open(keys: &CaKeys, sealed: &[SealedCa]) -> Result<Self, UnsealError> {
        let is_replaced = |one: &SealedCa| sealed.iter().any(|other| other.replaces == one.fingerprint());
        let [signs] = sealed.iter().filter(|one| !is_replaced(one)).collect::<Vec<_>>()[..] else {
            return Err(UnsealError::NoneSigns);
        };
        let open = |one: &SealedCa| {
            let (certificate, key) = keys.secret.unseal(one)?;
            let authority = Authority::of(certificate, &key, keys.module.as_ref())?;
            Ok::<_, UnsealError>(Arc::new(authority))
        };
        let before = sealed
            .iter()
            .find(|one| signs.replaces.is_some() && one.fingerprint() == signs.replaces);
        if sealed.len() > 1 + usize::from(before.is_some()) {
            return Err(UnsealError::NoneSigns);
        }
        Ok(Self {
            signing: open(signs)?,
            retiring: before.map(open).transpose()?,
            sealed: sealed.to_vec(),
        })
    }

    /// The cluster that all of them state.
    pub(crate) fn cluster(&self) -> Result<ClusterId, UnsealError> {
        let mut stated = self.all().map(|ca| ClusterId::stated_by(ca.certificate()));
        let first = stated.next().flatten();
        let first = first.ok_or_else(|| UnsealError::NotACa("it states no cluster".to_owned()))?;
        match stated.all(|other| other == Some(first)) {
            true => Ok(first),
            false => Err(UnsealError::AnotherCluster),
        }
    }
}
