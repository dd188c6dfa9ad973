//! Letters that wait, sealed anew where the cluster has another secret.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_store::WriteTx;

use crate::entity::{Column, Entity};
use crate::{Seal, SendError};

/// Opens every letter that waits with one seal and seals it with the other; how many there were. What does not open
/// stays as it is: it is given up when its turn comes.
///
/// # Errors
/// [`SendError::Sealed`] if one cannot be sealed, or [`SendError::Store`].
pub async fn reseal(tx: &WriteTx, before: &dyn Seal, after: &dyn Seal) -> Result<usize, SendError> {
    let waiting = tx.all(Entity::find().filter(Column::Content.ne(""))).await?;
    let mut resealed = Vec::new();
    for letter in &waiting {
        if let Ok(text) = before.open(&letter.id, &letter.content) {
            resealed.push((letter.id.clone(), after.seal(&letter.id, &text)?));
        }
    }
    tx.update_each::<Entity>(Column::Id, Column::Content, &resealed)
        .await?;
    Ok(resealed.len())
}
