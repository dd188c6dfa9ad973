//! Carrying what waits: when a letter is due, whose turn it is among several Hosts, and when it is given up.

use std::time::Duration;

use sea_orm::sea_query::{Expr, NullOrdering};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use watchroom_kit::Backoff;
use watchroom_model::{DecisionId, EmailAddress, GuessId, LetterId};
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::{Claimed, Guess, StoreError, Upkeep};

use crate::content::Written;
use crate::{Mail, SendError, entity};

/// Most letters that are looked at in one round.
const MOST: u64 = 100;
/// The longest sleep: a letter of another Host, which died, is found.
const LOOKED_EVERY: Duration = Duration::from_secs(30);
/// How long a letter that was given up is remembered, in microseconds: 30 days.
const REMEMBERED: i64 = 30 * 86_400_000_000;

impl Mail {
    /// Carries letters until it is dropped.
    pub(crate) async fn carry_on(&self) {
        let (first, longest) = self.pace().waits;
        let mut away = Backoff::new(first, longest, self.ambient().entropy.clone());
        loop {
            let pause = match self.carry_due().await {
                Ok(None) => {
                    away.reset();
                    LOOKED_EVERY
                }
                Ok(Some(due_in)) => {
                    away.reset();
                    due_in.min(LOOKED_EVERY)
                }
                Err(error) => {
                    tracing::warn!(%error, "letters wait, since they cannot be delivered now");
                    self.set_trouble(Some(error.to_string()));
                    // Whoever comes meanwhile waits with the others.
                    tokio::time::sleep(away.next_delay().max(first / 4)).await;
                    continue;
                }
            };
            tokio::select! {
                () = self.woken() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Carries what is due; in how long the next one is, if any waits. Ends early where the server takes nothing.
    async fn carry_due(&self) -> Result<Option<Duration>, SendError> {
        self.forget_old().await?;
        let select = entity::Entity::find()
            .filter(entity::Column::GivenUpAt.is_null())
            // What was never tried first, then what was not tried for the longest: letters that nobody takes for now keep no
            // others waiting, however many they are.
            .order_by_with_nulls(entity::Column::TriedAt, Order::Asc, NullOrdering::First)
            .order_by_asc(entity::Column::CreatedAt)
            .limit(MOST);
        let waiting = self.store().read().await?.all(select).await?;
        let mut next: Option<i64> = None;
        for row in waiting {
            let now = self.ambient().clock.now_micros();
            let due = self.due(&row);
            if due > now {
                next = Some(next.map_or(due - now, |next| next.min(due - now)));
                continue;
            }
            if let Some(due) = self.carry(&row).await? {
                next = Some(next.map_or(due - now, |next| next.min(due - now)));
            }
        }
        Ok(next.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
    }

    /// When the letter is to be tried again: after as long as it has waited already, within limits.
    fn due(&self, row: &entity::Model) -> i64 {
        let Some(tried) = row.tried_at else {
            return row.created_at;
        };
        let (first, longest) = self.pace().waits;
        let waited = (tried - row.created_at).clamp(micros(first), micros(longest));
        tried + waited
    }

    /// Tries one letter; when it is due again, if it stays.
    async fn carry(&self, row: &entity::Model) -> Result<Option<i64>, SendError> {
        let Some(turn) = self.turn(row).await? else {
            let (first, _) = self.pace().waits;
            return Ok(Some(self.ambient().clock.now_micros() + micros(first)));
        };
        let now = self.ambient().clock.now_micros();
        let sent = if row.is_blank {
            Ok(())
        } else {
            self.send(row).await
        };
        let is_old = now - row.created_at >= micros(self.pace().gives_up);
        match sent {
            Ok(()) => {
                self.set_trouble(None);
                self.close(row, None).await?;
            }
            Err(error) if error.is_final() || is_old => {
                tracing::error!(letter.id = %row.id, letter.kind = %row.kind, %error, "a letter was given up");
                self.close(row, Some(error.to_string())).await?;
            }
            Err(error) => {
                self.store().upkeep(Upkeep::GuessRight(turn, now));
                if error.is_of_server() {
                    return Err(error);
                }
                tracing::warn!(letter.id = %row.id, letter.kind = %row.kind, %error, "a letter waits");
                if let Ok(id) = row.id.parse::<LetterId>() {
                    self.store().upkeep(Upkeep::LetterTried(id, now));
                }
                let tried_at = Some(now);
                return Ok(Some(self.due(&entity::Model {
                    tried_at,
                    ..row.clone()
                })));
            }
        }
        Ok(None)
    }

    /// Of several Hosts on a database one carries a letter at a time: the claim, if it is ours.
    async fn turn(&self, row: &entity::Model) -> Result<Option<GuessId>, StoreError> {
        let id = GuessId::mint(self.ambient());
        let guess = Guess {
            id,
            budget: format!("letter {}", row.id),
            limit: 1,
            window: micros(self.pace().patience + Duration::from_secs(2)),
            at: self.ambient().clock.now_micros(),
        };
        let claimed = self.store().claim(guess).await?;
        Ok(matches!(claimed, Claimed::Taken { .. }).then_some(id))
    }

    async fn send(&self, row: &entity::Model) -> Result<(), SendError> {
        let smtp = self.smtp().ok_or(SendError::Off)?;
        let to: EmailAddress = row
            .recipient
            .parse()
            .map_err(|_| SendError::Unfit("its address".to_owned()))?;
        let packed = self.seal().open(&row.id, &row.content)?;
        let written = Written::unpacked(&packed).ok_or_else(|| SendError::Unfit("its text".to_owned()))?;
        smtp.carry(&row.id, &to, &written, &self.ambient().clock).await
    }

    /// The letter is over: delivered, or given up for this reason.
    async fn close(&self, row: &entity::Model, problem: Option<String>) -> Result<(), StoreError> {
        let decision = DecisionId::mint(self.ambient());
        let permit: Permit<act::CloseLetter> = Permit::of_house(&Resource::all(ResourceKind::Host), decision);
        let now = self.ambient().clock.now_micros();
        let row = row.clone();
        self.store()
            .write(&permit, async move |tx| {
                let this = entity::Column::Id.eq(row.id.clone());
                match &problem {
                    None => {
                        tx.delete(entity::Entity::delete_many().filter(this)).await?;
                    }
                    Some(problem) => {
                        let update = entity::Entity::update_many()
                            .col_expr(entity::Column::GivenUpAt, Expr::value(now))
                            .col_expr(entity::Column::Problem, Expr::value(problem.clone()))
                            .col_expr(entity::Column::Content, Expr::value(String::new()))
                            .filter(this);
                        tx.update(update).await?;
                        tx.note_failure();
                        // Servers like to repeat the address; the chain names nobody.
                        tx.note("why", problem.replace(&row.recipient, "the address"));
                    }
                }
                tx.note("letter", row.id.as_str());
                tx.note("kind", row.kind.as_str());
                if let Some(user) = &row.user_id {
                    tx.note("user", user.as_str());
                }
                Ok::<_, StoreError>(())
            })
            .await
    }

    /// Removes what was given up long ago.
    async fn forget_old(&self) -> Result<(), StoreError> {
        let before = self.ambient().clock.now_micros() - REMEMBERED;
        let old = Condition::all().add(entity::Column::GivenUpAt.lt(before));
        let select = entity::Entity::find().filter(old.clone());
        if self.store().read().await?.one(select).await?.is_none() {
            return Ok(());
        }
        let decision = DecisionId::mint(self.ambient());
        let permit: Permit<act::KeepHouse> = Permit::of_house(&Resource::all(ResourceKind::Host), decision);
        self.store()
            .write(&permit, async move |tx| {
                let removed = tx
                    .delete(entity::Entity::delete_many().filter(old.clone()))
                    .await?;
                tx.note("letters_forgotten", removed);
                Ok(())
            })
            .await
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
