//! Why a directory did not say who somebody is.

/// Why nothing is known: nobody was told that a password is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// As many ask as may at once.
    #[error("the directory is asked by as many as may at once")]
    Busy,
    /// No server answers as it should.
    #[error("no server of the directory answers: {0}")]
    Away(String),
    /// It answers, and cannot be used as it is configured.
    #[error("the directory cannot be used: {0}")]
    Unusable(String),
}
