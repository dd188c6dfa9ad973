//! The rows that the stories write.

use sea_orm::ActiveValue::Set;

use crate::schema::{Migration, Step, Table, bigint, boolean, text};

pub(super) mod nodes {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "nodes")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) name: String,
        pub(crate) address: String,
        pub(crate) port: i32,
        pub(crate) version: String,
        pub(crate) is_local: bool,
        pub(crate) status: String,
        pub(crate) labels: String,
        pub(crate) last_ping: Option<i64>,
        pub(crate) certificate_expires_at: Option<i64>,
        pub(crate) created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod grants {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_grants")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) user_id: String,
        pub(crate) role: String,
        pub(crate) scope: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) fn node(id: &str, name: &str) -> nodes::ActiveModel {
    nodes::ActiveModel {
        id: Set(id.to_owned()),
        name: Set(name.to_owned()),
        address: Set("192.0.2.1".to_owned()),
        port: Set(7443),
        version: Set("1".to_owned()),
        is_local: Set(true),
        status: Set("approved".to_owned()),
        labels: Set("{}".to_owned()),
        last_ping: Set(None),
        certificate_expires_at: Set(None),
        created_at: Set(1),
    }
}

pub(super) fn grant(user: &str) -> grants::ActiveModel {
    grants::ActiveModel {
        id: Set("grant".to_owned()),
        user_id: Set(user.to_owned()),
        role: Set("viewer".to_owned()),
        scope: Set("everything".to_owned()),
    }
}

/// Two ideas that a schema could grow by.
pub(super) const FIRST: Migration = Migration {
    name: "first",
    why: "there must be something to upgrade",
    steps: &[Step::Table(Table {
        name: "things",
        columns: &[text("id"), bigint("size")],
        primary: &["id"],
        uniques: &[],
        references: &[],
    })],
};
pub(super) const SECOND: Migration = Migration {
    name: "second",
    why: "things turned out to have a colour",
    steps: &[
        Step::Column {
            table: "things",
            column: text("colour").optional(),
        },
        Step::Column {
            table: "things",
            column: boolean("is_old").optional(),
        },
        Step::Index {
            name: "thing_colour_idx",
            table: "things",
            columns: &["colour"],
        },
    ],
};
