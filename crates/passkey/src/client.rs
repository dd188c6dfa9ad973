//! What the browser says it was asked (WebAuthn, 5.8.1).

use serde::Deserialize;

use crate::{LONGEST_CLIENT_DATA, PasskeyError};

/// The members that are checked. One that stands twice is refused, so that nobody reads another one than we do.
#[derive(Debug, Deserialize)]
pub(crate) struct ClientData {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) challenge: String,
    pub(crate) origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

impl ClientData {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let unreadable = PasskeyError::Unreadable("what the browser says");
        if bytes.len() > LONGEST_CLIENT_DATA {
            return Err(unreadable);
        }
        serde_json::from_slice(bytes).map_err(|_| unreadable)
    }

    /// Whether it was asked by the page itself, and not from a frame in somebody else's.
    pub(crate) fn is_of_the_page_itself(&self) -> bool {
        self.cross_origin != Some(true) && self.top_origin.is_none()
    }
}
