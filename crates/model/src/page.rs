//! Pages by cursor: stable under inserts, and as cheap at the end of a list as at its start.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Pass it as `cursor` to get the next part; absent (`null`) at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageRequest {
    /// How many items, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    #[serde(deserialize_with = "limit_of_query")]
    pub limit: Option<u32>,
    /// Where the last part ended, as its `next_cursor` said.
    pub cursor: Option<String>,
}

/// Reads a `limit` as a query has it: as text.
///
/// # Errors
/// [`PageError::Limit`] in words, for whatever is no number.
pub fn limit_of_query<'de, D: Deserializer<'de>>(query: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(query)?;
    let number = text.parse().map_err(|_| D::Error::custom(PageError::Limit))?;
    Ok(Some(number))
}

/// A page nobody can ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `limit` is out of bounds.
    #[error("limit must be 1 to 500")]
    Limit,
    /// `cursor` is not one of ours.
    #[error("cursor is not one that this list gave")]
    Cursor,
}

impl PageRequest {
    /// Items on a page when nobody says.
    pub const USUAL: u32 = 100;
    /// Most items on a page.
    pub const MOST: u32 = 500;

    /// The number of items wanted.
    ///
    /// # Errors
    /// [`PageError::Limit`] unless it is 1 to 500.
    pub fn limit(&self) -> Result<u32, PageError> {
        match self.limit {
            None => Ok(Self::USUAL),
            Some(limit) if (1..=Self::MOST).contains(&limit) => Ok(limit),
            Some(_) => Err(PageError::Limit),
        }
    }
}
