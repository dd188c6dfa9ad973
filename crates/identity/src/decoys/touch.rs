//! Somebody shows a decoy: told to those who defend the entrance at once, and written down.

use std::net::IpAddr;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{DecisionId, DecoyId, RequestId};
use watchroom_policy::{Permit, Resource, act};
use watchroom_store::StoreError;

use crate::digest::Digest;
use crate::entity::decoy_token;
use crate::{EntranceEvent, Identity};

/// How often, in microseconds, touches of one decoy are worth an entry.
const RECORD_EVERY: i64 = 60_000_000;

impl Identity {
    /// Looks whether a token that opens nothing is a decoy. Neither waits nor asks the database.
    pub fn suspect_token(&self, token: &str, from: IpAddr, request_id: Option<RequestId>) {
        let digest = Digest::of(token);
        let now = self.inner.ambient.clock.now_micros();
        let mut book = self.inner.decoys.book();
        let Some(decoy) = book.get_mut(&digest) else {
            return;
        };
        decoy.more += 1;
        let is_due = decoy.told.is_none_or(|told| now - told >= RECORD_EVERY);
        let to_record = is_due.then(|| std::mem::take(&mut decoy.more));
        if is_due {
            decoy.told = Some(now);
        }
        let id = decoy.id;
        drop(book);
        let from = from.to_canonical();
        // Nobody listening is no trouble: the log has it.
        drop(self.inner.events.send(EntranceEvent::DecoyToken {
            from,
            decoy: id,
            request_id,
        }));
        let Some(touches) = to_record else { return };
        tracing::warn!(
            client.address = %from,
            request.id = request_id.map(tracing::field::display),
            decoy.id = %id,
            "a decoy token was shown; more of the same within a minute are only counted"
        );
        let identity = self.clone();
        self.inner.ambient.tasks.spawn("record-decoy", async move {
            if let Err(error) = identity.record_touch(id, from, request_id, touches, now).await {
                tracing::error!(%error, "a touched decoy could not be written down");
            }
        });
    }

    async fn record_touch(
        &self,
        id: DecoyId,
        from: IpAddr,
        request_id: Option<RequestId>,
        touches: u64,
        at: i64,
    ) -> Result<(), StoreError> {
        let decision = DecisionId::mint(&self.inner.ambient);
        let permit: Permit<act::TouchDecoy> = Permit::of_house(&Resource::decoy(id), decision);
        let touches = i64::try_from(touches).unwrap_or(i64::MAX);
        self.inner
            .store
            .write(&permit, async move |tx| {
                let update = decoy_token::Entity::update_many()
                    .col_expr(decoy_token::Column::TouchedAt, Expr::value(at))
                    .col_expr(decoy_token::Column::TouchedFrom, Expr::value(from.to_string()))
                    .col_expr(
                        decoy_token::Column::Touches,
                        Expr::col(decoy_token::Column::Touches).add(touches),
                    )
                    .filter(decoy_token::Column::Id.eq(id.to_string()));
                tx.update(update).await?;
                tx.note("from", from.to_string());
                tx.note("request", request_id.map(|id| id.to_string()));
                tx.note("touches", touches);
                tx.note_denied();
                Ok(())
            })
            .await
    }
}
