//! Reads: selects over a read-only connection, and nothing else.

use data_encoding::BASE64URL_NOPAD;
use sea_orm::sea_query::{Asterisk, Expr, Func, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    Statement, StatementBuilder, Value,
};
use watchroom_model::{Page, PageError, PageRequest};

use crate::StoreError;
use crate::reader::Lease;
use crate::rows::Rows;

/// A consistent view of committed state: what it sees is fixed at its first select. It occupies one of a
/// few readers until dropped, so do not hold it while waiting for anything but its own answers.
#[derive(Debug)]
pub struct ReadTx {
    lease: Lease,
}

impl ReadTx {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease }
    }

    /// The first row of the select, if any.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub async fn one<E: EntityTrait>(&self, select: Select<E>) -> Result<Option<E::Model>, StoreError> {
        let rows = self
            .rows(select.limit(1).build(self.lease.engine().backend()))
            .await?;
        Ok(rows.models::<E>()?.pop())
    }

    /// All rows of the select.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, StoreError> {
        self.rows(select.build(self.lease.engine().backend()))
            .await?
            .models::<E>()
    }

    /// How many rows the select has.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub async fn count<E: EntityTrait>(&self, select: Select<E>) -> Result<u64, StoreError> {
        let mut count = Query::select();
        count
            .expr(Func::count(Expr::col(Asterisk)))
            .from_subquery(select.into_query(), "counted");
        let number = self
            .rows(StatementBuilder::build(&count, &self.lease.engine().backend()))
            .await?
            .number()?;
        u64::try_from(number).map_err(|error| StoreError::Database(error.to_string()))
    }

    /// One page of the select, ordered by the text column `by` (an id or a name, unique in the list).
    ///
    /// # Errors
    /// [`StoreError::Page`] if the request is out of bounds, or another [`StoreError`].
    pub async fn page<E: EntityTrait>(
        &self,
        select: Select<E>,
        by: E::Column,
        request: &PageRequest,
    ) -> Result<Page<E::Model>, StoreError> {
        let limit = request.limit()?;
        let after = request.cursor.as_deref().map(opened).transpose()?;
        let select = match after {
            Some(after) => select.filter(by.gt(after)),
            None => select,
        };
        let select = select.order_by_asc(by).limit(u64::from(limit) + 1);
        let mut items = self.all(select).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more).map(|model| model.get(by));
        let next_cursor = match last {
            None => None,
            Some(Value::String(Some(text))) => Some(sealed(&text)),
            Some(_) => {
                return Err(StoreError::Database(
                    "a list is ordered by a column that is no text".to_owned(),
                ));
            }
        };
        Ok(Page { items, next_cursor })
    }

    async fn rows(&self, statement: Statement) -> Result<Rows, StoreError> {
        self.lease.run(move |conn| conn.query(statement)).await
    }
}

/// A cursor is where the last page ended, in a form that nobody is tempted to build.
pub(crate) fn sealed(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

pub(crate) fn opened(cursor: &str) -> Result<String, PageError> {
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| PageError::Cursor)?;
    let text = String::from_utf8(bytes).map_err(|_| PageError::Cursor)?;
    // No text of ours holds one, and PostgreSQL refuses to be asked.
    if text.contains('\0') {
        return Err(PageError::Cursor);
    }
    Ok(text)
}
