//! Several statements in one round trip, answered in order.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::gather::Column;
use crate::rows::{Cell, Rows};

/// One statement to send.
pub(super) enum Step {
    /// Statements without values.
    Plain(String),
    /// A select.
    Query(Statement, Vec<Cell>),
    /// An update or a delete.
    Execute(Statement, Vec<Cell>),
    /// Many rows, a column at a time.
    Insert(Statement, Vec<Column>),
}

/// What a step answered.
#[derive(Debug)]
pub(super) enum Done {
    Nothing,
    Rows(Rows),
    Count(u64),
}

impl Done {
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            Self::Nothing | Self::Rows(_) => 0,
        }
    }

    pub(super) fn rows(self) -> Rows {
        match self {
            Self::Rows(rows) => rows,
            Self::Nothing | Self::Count(_) => Rows {
                columns: Vec::new(),
                rows: Vec::new(),
            },
        }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Done, Error>> + 'a>>;

/// Sends all steps and waits for all answers: the first refusal, or what the last step gave that gives anything.
pub(super) async fn run(client: &Client, steps: &[Step]) -> Result<Done, Error> {
    let start = |step| -> Answer<'_> { Box::pin(send(client, step)) };
    let mut waiting: Vec<_> = steps.iter().map(start).collect();
    let mut answers: Vec<Option<Result<Done, Error>>> = waiting.iter().map(|_| None).collect();
    // Each is sent when it is first polled, so the order of polling is the order of sending.
    poll_fn(|context| {
        let mut is_whole = true;
        for (answer, future) in answers.iter_mut().zip(&mut waiting) {
            if answer.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => *answer = Some(done),
                    Poll::Pending => is_whole = false,
                }
            }
        }
        if is_whole { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let mut last = Done::Nothing;
    for answer in answers.into_iter().flatten() {
        match answer? {
            Done::Nothing => {}
            done => last = done,
        }
    }
    Ok(last)
}

async fn send(client: &Client, step: &Step) -> Result<Done, Error> {
    match step {
        Step::Plain(sql) => client.batch_execute(sql).await.map(|()| Done::Nothing),
        Step::Query(statement, cells) => {
            let found = client.query(statement, &bound(cells)).await?;
            read(statement, &found).map(Done::Rows)
        }
        Step::Execute(statement, cells) => client.execute(statement, &bound(cells)).await.map(Done::Count),
        Step::Insert(statement, columns) => client.execute(statement, &bound(columns)).await.map(Done::Count),
    }
}

fn bound<T: ToSql + Sync>(values: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| -> &(dyn ToSql + Sync) { value })
        .collect()
}

fn read(statement: &Statement, found: &[Row]) -> Result<Rows, Error> {
    let columns = statement.columns().iter().map(|column| column.name().to_owned());
    let cells = |row: &Row| (0..row.len()).map(|at| row.try_get(at)).collect();
    Ok(Rows {
        columns: columns.collect(),
        rows: found.iter().map(cells).collect::<Result<_, _>>()?,
    })
}
