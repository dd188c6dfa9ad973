//! Claims: what is counted before it is allowed, and written without a permit and without an entry.
//!
//! A password may be tried only so often, by whomever and on whichever replica; so a try is counted before it is
//! made, in the database that all replicas share. What comes of it leaves an entry, the counting does not. The
//! list is closed, like that of [`crate::Upkeep`].

use sea_orm::sea_query::{Expr, ExprTrait, Order as Ordering, Query};
use tokio::sync::oneshot;
use watchroom_audit::Draft;
use watchroom_model::GuessId;

use crate::chain::built;
use crate::engine::{Connection, Row};
use crate::rows::Cell;
use crate::writer::{Change, Message};
use crate::{Store, StoreError, WriteTx};

const TABLE: &str = "guesses";
/// How long a try is kept at least, in microseconds: a day, as long as the longest window of any budget. A budget with a
/// short window must not forget what one with a long window still counts.
const KEPT: i64 = 86_400_000_000;

/// One try at something, to be counted against a budget: a password, the delivery of a letter. Rows of all budgets that
/// are older than a day are removed with it, so that the table stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Its id; [`crate::Upkeep::GuessRight`] gives it back.
    pub id: GuessId,
    /// Whose budget: a digest.
    pub budget: String,
    /// Most of one budget within the window.
    pub limit: u32,
    /// How long one counts, in microseconds.
    pub window: i64,
    /// Now, in microseconds.
    pub at: i64,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It may be tried: so many of the budget were in use before it.
    Taken {
        /// How many.
        before: u32,
    },
    /// The budget is used up, and nothing was counted.
    Full {
        /// When the oldest of those that count was made.
        oldest: i64,
        /// When the newest was made of which nobody knows yet how it ended; `None` if all have failed.
        newest_open: Option<i64>,
    },
}

impl Store {
    /// Counts a try, if its budget allows one more. Durable when this returns, and atomic over all replicas.
    ///
    /// # Errors
    /// [`StoreError`]; then nobody knows whether it was counted, and it must not be made.
    pub async fn claim(&self, guess: Guess) -> Result<Claimed, StoreError> {
        let (reply, answer) = oneshot::channel();
        let order = Claim {
            guess,
            outcome: None,
            reply,
        };
        self.send(Message::Change(Box::new(order))).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// A claim in the writer's queue.
struct Claim {
    guess: Guess,
    outcome: Option<Result<Claimed, StoreError>>,
    reply: oneshot::Sender<Result<Claimed, StoreError>>,
}

impl Change for Claim {
    /// A budget that is used up is an answer like another: what was removed of the old stays removed.
    fn attempt(&mut self, tx: &WriteTx) -> bool {
        let outcome = tx.on_connection(|conn| self.guess.count(conn));
        let stands = outcome.is_ok();
        self.outcome = Some(outcome);
        stands
    }

    fn refuse(&mut self, error: StoreError) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error));
        }
    }

    fn draft(&self) -> Option<Draft> {
        None
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Closed));
        // Whoever asked may have gone; it counts all the same.
        drop(self.reply.send(outcome));
    }
}

impl Guess {
    fn count(&self, conn: &dyn Connection) -> Result<Claimed, StoreError> {
        let since = self.at.saturating_sub(self.window);
        let mut old = Query::delete();
        let kept = self.at.saturating_sub(Ord::max(self.window, KEPT));
        old.from_table(TABLE).and_where(Expr::col("at").lte(kept));
        conn.execute(built(conn, &old))?;
        let mut select = Query::select();
        select
            .columns(["at", "failed_at"])
            .from(TABLE)
            .and_where(Expr::col("budget").eq(self.budget.as_str()))
            .and_where(Expr::col("at").gt(since))
            .and_where(Expr::col("right_at").is_null())
            .order_by("at", Ordering::Asc);
        let counting = conn.query(built(conn, &select))?.rows;
        if let Some(oldest) = counting.first().and_then(|row| number(row, 0))
            && counting.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX)
        {
            let open = counting.iter().filter(|row| number(row, 1).is_none());
            let newest_open = open.filter_map(|row| number(row, 0)).max();
            return Ok(Claimed::Full { oldest, newest_open });
        }
        conn.insert(Row {
            table: TABLE,
            columns: vec!["id", "budget", "at"],
            cells: vec![
                Cell::Text(self.id.to_string()),
                Cell::Text(self.budget.clone()),
                Cell::Integer(self.at),
            ],
        })?;
        let before = u32::try_from(counting.len()).unwrap_or(u32::MAX);
        Ok(Claimed::Taken { before })
    }
}

fn number(row: &[Cell], place: usize) -> Option<i64> {
    match row.get(place) {
        Some(Cell::Integer(number)) => Some(*number),
        _ => None,
    }
}
