//! Rows of one person made into what the roll holds. A row that cannot be read is damage and is named.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use watchroom_model::UserId;
use watchroom_policy::{Given, Grant, PermissionSet, Principal, Proof, Role, SecondFactor, Who};
use watchroom_store::StoreError;

use super::{Account, Ground, Person, Rules as House, moment};
use crate::digest::Digest;
use crate::entity::{grant, group_member, passkey, recovery_code, session, token, totp_factor, user};
use crate::factors::{Passkey, TotpFactor};
use crate::groups::{Membership, Source};
use crate::roles::Roles;
use crate::sessions::{NEVER, Rotation, Session};
use crate::stamp;
use crate::tokens::Bearer;
use crate::users::UserStatus;

/// All rows of one person.
pub(super) struct Rows {
    pub(super) user: user::Model,
    pub(super) grants: Vec<grant::Model>,
    pub(super) memberships: Vec<group_member::Model>,
    pub(super) sessions: Vec<session::Model>,
    pub(super) tokens: Vec<token::Model>,
    pub(super) factors: Vec<totp_factor::Model>,
    pub(super) passkeys: Vec<passkey::Model>,
    pub(super) recovery: Vec<recovery_code::Model>,
}

/// One person from their rows. A disabled one has no sessions, and tokens that say so.
pub(super) fn person(rows: Rows, rules: &House, ground: &Ground) -> Result<Person, StoreError> {
    let mut grants = rows
        .grants
        .iter()
        .map(|row| grant(row, &ground.roles))
        .collect::<Result<Vec<_>, _>>()?;
    let groups = rows
        .memberships
        .iter()
        .map(membership)
        .collect::<Result<Vec<_>, _>>()?;
    grants.extend(groups.iter().flat_map(|membership| of_group(membership, ground)));
    let factors = rows
        .factors
        .into_iter()
        .map(factor)
        .collect::<Result<Vec<_>, _>>()?;
    let recovery = rows
        .recovery
        .iter()
        .map(recovery_code)
        .collect::<Result<Vec<_>, _>>()?;
    let passkeys = rows
        .passkeys
        .into_iter()
        .map(passkey)
        .collect::<Result<Vec<_>, _>>()?;
    let account = Arc::new(Account {
        requires_second_factor: grants.iter().any(|grant| {
            let (role, required) = (&grant.role.name, &rules.required_roles);
            ground.roles.asks_second_factor(role, required)
        }),
        groups,
        factors,
        passkeys,
        recovery,
        ..account(rows.user, grants, ground)?
    });
    let is_active = account.status == UserStatus::Active;
    let sessions = rows
        .sessions
        .into_iter()
        .filter(|_| is_active)
        .map(|row| session(row, &account, rules))
        .collect::<Result<HashMap<_, _>, _>>()?;
    let tokens = rows
        .tokens
        .iter()
        .map(|row| bearer(row, &account, ground))
        .collect::<Result<HashMap<_, _>, _>>()?;
    Ok(Person {
        account,
        sessions,
        tokens,
    })
}

/// A text column as what it must be.
pub(super) fn parsed<T: FromStr>(table: &str, column: &str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| damaged(table, column))
}

fn damaged(table: &str, column: &str) -> StoreError {
    StoreError::Database(format!("a value in {table}.{column} is not what it must be"))
}

fn maybe<T: FromStr>(table: &str, column: &str, text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(|text| parsed(table, column, text)).transpose()
}

fn account(row: user::Model, grants: Vec<Grant>, ground: &Ground) -> Result<Account, StoreError> {
    let id = parsed("users", "id", &row.id)?;
    let usable = grants
        .iter()
        .filter(|grant| !ground.locks.has_role(&grant.role.name));
    Ok(Account {
        id,
        usable: usable.cloned().collect(),
        locked_until: moment(ground.locks.user(id)),
        name: parsed("users", "name", &row.name)?,
        display_name: parsed("users", "display_name", &row.display_name)?,
        email: maybe("users", "email", row.email.as_deref())?,
        call_sign: maybe("users", "call_sign", row.call_sign.as_deref())?,
        password_hash: row.password_hash.map(Into::into),
        status: parsed("users", "status", &row.status)?,
        grants,
        groups: Vec::new(),
        created_at: stamp::at(row.created_at),
        last_sign_in: moment(row.last_sign_in),
        factors: Vec::new(),
        passkeys: Vec::new(),
        recovery: Vec::new(),
        requires_second_factor: false,
    })
}

fn factor(row: totp_factor::Model) -> Result<TotpFactor, StoreError> {
    Ok(TotpFactor {
        id: parsed("totp_factors", "id", &row.id)?,
        name: row.name,
        seed: row.seed.into(),
        last_step: row.last_step,
        created_at: row.created_at,
        last_used: row.last_used,
    })
}

fn passkey(row: passkey::Model) -> Result<Passkey, StoreError> {
    Ok(Passkey {
        id: parsed("passkeys", "id", &row.id)?,
        name: row.name,
        rp_id: row.rp_id,
        credential_id: row.credential_id.into(),
        public_key: row.public_key.into(),
        binding: row.binding.into(),
        may_be_copied: row.may_be_copied,
        created_at: row.created_at,
        last_used: row.last_used,
    })
}

fn recovery_code(row: &recovery_code::Model) -> Result<Digest, StoreError> {
    Digest::parse(&row.code_hash).ok_or_else(|| damaged("recovery_codes", "code_hash"))
}

fn grant(row: &grant::Model, roles: &Roles) -> Result<Grant, StoreError> {
    let source = Source {
        group: None,
        provider: row.source.as_deref(),
    };
    Ok(Grant {
        role: role(&row.role, roles),
        scope: parsed("user_grants", "scope", &row.scope)?,
        source: source.to_string().into(),
    })
}

/// A role that is not there gives nothing; its holder keeps what else they hold.
fn role(name: &str, roles: &Roles) -> Arc<Role> {
    let nothing = || {
        Arc::new(Role {
            name: name.to_owned(),
            permissions: PermissionSet::NONE,
            per_minute: 1,
        })
    };
    roles.get(name).cloned().unwrap_or_else(nothing)
}

fn membership(row: &group_member::Model) -> Result<Membership, StoreError> {
    Ok(Membership {
        group: parsed("group_members", "group_id", &row.group_id)?,
        provider: Source::provider_kept(&row.source).map(Into::into),
    })
}

/// What somebody holds by being in a group. One that is not known here yet gives nothing: it is told of in a moment.
fn of_group(membership: &Membership, ground: &Ground) -> Vec<Grant> {
    let Some(group) = ground.groups.get(membership.group) else {
        return Vec::new();
    };
    let source = Source {
        group: Some(&group.name),
        provider: membership.provider.as_deref(),
    };
    let source: Arc<str> = source.to_string().into();
    let held = group.grants.iter().map(|given| Grant {
        role: role(&given.role, &ground.roles),
        scope: given.scope.clone(),
        source: Arc::clone(&source),
    });
    held.collect()
}

/// What a session holds that began by a provider's word, or without one: what rules of another provider gave, themselves
/// or by a group, holds in sessions that began there, since only at a sign-in there are its rules asked again.
fn grants_of(account: &Account, began_by: Option<&str>) -> Vec<Grant> {
    let holds = |grant: &&Grant| {
        let provider = Source::provider_of(&grant.source);
        provider.is_none_or(|provider| began_by == Some(provider))
    };
    account.usable.iter().filter(holds).cloned().collect()
}

/// When something was last given that the account has, or has not.
fn given(is_had: bool, at: Option<i64>) -> Given {
    match (is_had, at) {
        (false, _) => Given::NotHad,
        (true, None) => Given::Never,
        (true, Some(at)) => Given::At(stamp::at(at)),
    }
}

fn session(
    row: session::Model,
    account: &Account,
    rules: &House,
) -> Result<(Digest, Arc<Session>), StoreError> {
    let digest = Digest::parse(&row.cookie_hash).ok_or_else(|| damaged("sessions", "cookie_hash"))?;
    let second_factor = account.standing(row.second_factor.is_some());
    // Whoever has nothing yet to prove it with may enrol that, and nothing else, whatever way they came in.
    let came_in = (second_factor == SecondFactor::ToEnrol).then_some(row.created_at);
    let proven_at = came_in.map_or(row.proven_at, |at| at.max(row.proven_at));
    let principal = Arc::new(Principal {
        who: Who::User {
            id: account.id,
            name: account.name.clone(),
        },
        grants: grants_of(account, row.began_by.as_deref()),
        ceiling: None,
        proof: Proof {
            fresh_at: (proven_at != NEVER).then(|| stamp::at(proven_at)),
            password: given(account.password_hash.is_some(), row.password_at.max(came_in)),
            factor: given(account.has_factor(), row.factor_at),
            second_factor,
        },
        locked_until: account.locked_until,
    });
    let id = parsed("sessions", "id", &row.id)?;
    let source_ip = maybe("sessions", "source_ip", row.source_ip.as_deref())?;
    let read = |text: Option<&str>| {
        let digest = text.map(|text| Digest::parse(text).ok_or_else(|| damaged("sessions", "rotation_hash")));
        digest.transpose()
    };
    let before = read(row.rotation_before.as_deref())?;
    let rotation = read(row.rotation_hash.as_deref())?.map(|current| Rotation::new(current, before));
    Ok((
        digest,
        Arc::new(Session::new(
            row,
            id,
            source_ip,
            principal,
            account.id,
            (rules.idle, rotation),
        )),
    ))
}

fn bearer(
    row: &token::Model,
    account: &Account,
    ground: &Ground,
) -> Result<(Digest, Arc<Bearer>), StoreError> {
    let digest = Digest::parse(&row.secret_hash).ok_or_else(|| damaged("tokens", "secret_hash"))?;
    let id = parsed("tokens", "id", &row.id)?;
    let ceiling = row
        .permissions
        .as_deref()
        .map(serde_json::from_str::<PermissionSet>)
        .transpose();
    let networks = row
        .networks
        .as_deref()
        .map(serde_json::from_str::<Vec<IpNet>>)
        .transpose();
    let owner: UserId = account.id;
    let principal = Arc::new(Principal {
        who: Who::Token {
            id,
            owner,
            owner_name: account.name.clone(),
            may_be_sensitive: row.may_be_sensitive,
        },
        grants: account.usable.clone(),
        ceiling: ceiling.map_err(|_| damaged("tokens", "permissions"))?,
        // A token needs no factor of its own if whoever made it had proven one. One that was made by a password alone is
        // worth as little as that once its owner needs a second factor.
        proof: Proof {
            fresh_at: None,
            password: Given::NotHad,
            factor: Given::NotHad,
            second_factor: match account.standing(row.is_proven.unwrap_or(false)) {
                SecondFactor::ToEnrol if row.is_proven == Some(true) => SecondFactor::Proven,
                standing => standing,
            },
        },
        locked_until: moment(ground.locks.token(id, owner)),
    });
    let bearer = Bearer::new(
        row,
        id,
        owner,
        networks
            .map_err(|_| damaged("tokens", "networks"))?
            .unwrap_or_default(),
        account.status == UserStatus::Active,
        principal,
    );
    Ok((digest, Arc::new(bearer)))
}
