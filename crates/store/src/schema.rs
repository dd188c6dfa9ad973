//! What a schema is made of: tables, columns, named uniques and references, as constants that are
//! rendered for both engines.
//!
//! Column types are text, bigint and boolean only, so that nothing depends on one engine: ids and names
//! are text, times whole microseconds, lists and maps JSON text. Entities therefore use `String`, `i64`
//! and `bool`, and `Option` of these. Names of uniques and references are vocabulary: a violation reaches
//! the caller as that name ([`crate::StoreError::Taken`]).

use sea_orm::sea_query::{
    ColumnDef, ForeignKey, ForeignKeyAction, Index as IndexBuilder, PostgresQueryBuilder,
    SchemaStatementBuilder, SqliteQueryBuilder, Table as TableBuilder,
};

/// The databases that a schema is rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, the usual one.
    Sqlite,
    /// PostgreSQL, for several replicas.
    Postgres,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text: ids, names, words, JSON.
    Text,
    /// A whole number of 64 bits: counts, and times in microseconds.
    Bigint,
    /// Yes or no.
    Boolean,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Type,
    /// Whether it may be absent.
    pub is_optional: bool,
}

/// A column of text.
#[must_use]
pub const fn text(name: &'static str) -> Column {
    Column {
        name,
        holds: Type::Text,
        is_optional: false,
    }
}

/// A column of whole numbers.
#[must_use]
pub const fn bigint(name: &'static str) -> Column {
    Column {
        name,
        holds: Type::Bigint,
        is_optional: false,
    }
}

/// A column of yes or no.
#[must_use]
pub const fn boolean(name: &'static str) -> Column {
    Column {
        name,
        holds: Type::Boolean,
        is_optional: false,
    }
}

impl Column {
    /// The same column, but it may be absent. Columns added to a table that exists must be.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Text is ordered by its bytes on both engines, whatever the language of the machine, so that lists are in
    /// the same order everywhere and an upgrade of the system's library does not break an index.
    fn definition(&self, engine: Engine) -> ColumnDef {
        let mut column = ColumnDef::new(self.name);
        match (self.holds, engine) {
            (Type::Text, Engine::Sqlite) => column.text(),
            (Type::Text, Engine::Postgres) => column.custom("text COLLATE \"C\""),
            (Type::Bigint, _) => column.big_integer(),
            (Type::Boolean, _) => column.boolean(),
        };
        if !self.is_optional {
            column.not_null();
        }
        column
    }
}

/// Columns whose values together occur once.
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    /// Its name, as errors give it (`node_name_key`).
    pub name: &'static str,
    /// The columns.
    pub columns: &'static [&'static str],
}

/// A column that names the `id` of a row elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Its name, as errors give it (`server_node_fkey`).
    pub name: &'static str,
    /// The column.
    pub column: &'static str,
    /// The table whose `id` it names.
    pub parent: &'static str,
    /// Whether the row goes when its parent goes; otherwise the parent must stay.
    pub goes_with_parent: bool,
}

/// One table with all that is declared on it.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// The columns of its primary key.
    pub primary: &'static [&'static str],
    /// What occurs once.
    pub uniques: &'static [Unique],
    /// What it points to.
    pub references: &'static [Reference],
}

/// One step of a migration.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A new table.
    Table(Table),
    /// A new column, optional, on a table that exists.
    Column {
        /// The table.
        table: &'static str,
        /// The column.
        column: Column,
    },
    /// A new index that makes searching faster and promises nothing.
    Index {
        /// Its name.
        name: &'static str,
        /// The table.
        table: &'static str,
        /// The columns.
        columns: &'static [&'static str],
    },
    /// A new unique on a table that exists.
    Unique {
        /// The table.
        table: &'static str,
        /// The unique.
        unique: Unique,
    },
}

/// One idea by which the schema grows. Once released it never changes; the next idea is the next one.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its name, in snake_case.
    pub name: &'static str,
    /// Why the schema needs it.
    pub why: &'static str,
    /// What is done, in order.
    pub steps: &'static [Step],
}

impl Migration {
    /// The statements that do it.
    #[must_use]
    pub fn statements(&self, engine: Engine) -> Vec<String> {
        self.steps
            .iter()
            .flat_map(|step| step.statements(engine))
            .collect()
    }
}

impl Step {
    fn statements(&self, engine: Engine) -> Vec<String> {
        match self {
            Self::Table(table) => table.statements(engine),
            Self::Column { table, column } => {
                let mut alter = TableBuilder::alter();
                alter.table(*table).add_column(column.definition(engine));
                vec![render(&alter, engine)]
            }
            Self::Index { name, table, columns } => vec![index(name, table, columns, false, engine)],
            Self::Unique { table, unique } => vec![index(unique.name, table, unique.columns, true, engine)],
        }
    }
}

impl Table {
    fn statements(&self, engine: Engine) -> Vec<String> {
        let mut create = TableBuilder::create();
        create.table(self.name);
        for column in self.columns {
            create.col(column.definition(engine));
        }
        let mut primary = IndexBuilder::create();
        for column in self.primary {
            primary.col(*column);
        }
        create.primary_key(&mut primary);
        for reference in self.references {
            let mut key = ForeignKey::create();
            key.name(reference.name)
                .from(self.name, reference.column)
                .to(reference.parent, "id");
            if reference.goes_with_parent {
                // Without it the engines' usual rule holds: the parent must stay. RESTRICT would say the same,
                // but cannot be put off, and SQLite names a violation only when it can be.
                key.on_delete(ForeignKeyAction::Cascade);
            }
            create.foreign_key(&mut key);
        }
        let uniques = self
            .uniques
            .iter()
            .map(|unique| index(unique.name, self.name, unique.columns, true, engine));
        std::iter::once(render(&create, engine)).chain(uniques).collect()
    }
}

fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    is_unique: bool,
    engine: Engine,
) -> String {
    let mut create = IndexBuilder::create();
    create.name(name).table(table);
    for column in columns {
        create.col(*column);
    }
    if is_unique {
        create.unique();
    }
    render(&create, engine)
}

fn render(statement: &impl SchemaStatementBuilder, engine: Engine) -> String {
    match engine {
        Engine::Sqlite => statement.build(SqliteQueryBuilder),
        Engine::Postgres => statement.build(PostgresQueryBuilder),
    }
}
