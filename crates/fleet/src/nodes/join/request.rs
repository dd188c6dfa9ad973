//! A machine asks to join.

use std::net::IpAddr;

use data_encoding::BASE64;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, Select};
use watchroom_kit::{ExposeSecret, SecretString};
use watchroom_model::join::{Bytes64, JoinAsk, JoinStatus, JoinTicket, JoinToken};
use watchroom_model::{HostName, JoinRequestId};
use watchroom_policy::{Permit, Resource, act};
use watchroom_store::{StoreError, WriteTx};

use super::bounds::within_bounds;
use super::invite::usable;
use super::list::word;
use super::{JoinError, KEPT_US, REQUEST_LASTS_US, digest, request_entity as entity, token_entity};
use crate::fleet::from_micros;
use crate::nodes::{Standing, entity as node_entity};
use crate::{Fleet, FleetEvent, RequestedKey};

/// Bytes that each side draws by chance.
const NONCE: usize = 32;
/// Longest version that an agent may say it has.
const LONGEST_VERSION: usize = 64;

/// A request with all that was drawn and checked for it, before it meets the roll.
#[derive(Clone)]
struct Wish {
    row: entity::Model,
    token_hash: Option<String>,
}

impl Fleet {
    /// A machine's wish to be: what to ask leave for.
    #[must_use]
    pub fn draft_join_request(&self) -> Resource {
        Resource::join_request(JoinRequestId::mint(self.ambient()))
    }

    /// Takes a machine's wish to join. It waits for a person, unless its token lets it in, or its name belongs
    /// to another key: then it is denied at once.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn request_join(
        &self,
        permit: &Permit<act::RequestJoin>,
        ask: JoinAsk,
    ) -> Result<JoinTicket, JoinError> {
        let from = permit.trail().source_ip;
        if ask.token.is_none() && !self.join_rules().may_ask(from) {
            return Err(JoinError::Network);
        }
        if let Some(token) = &ask.token {
            let text = token.expose_secret();
            text.parse::<JoinToken>()
                .map_err(|_| JoinError::Token("cut off, or none of this cluster"))?;
            // The words are dear to make, and not made for a token that opens nothing.
            let read = self.store().read().await?;
            let known = read.one(by_secret(&digest(text))).await?;
            is_usable(known.as_ref(), self.ambient().clock.now_micros())?;
        }
        let id = permit
            .resource()
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(JoinError::NotFound)?;
        let host_nonce = self.ambient().entropy.bytes::<NONCE>();
        let poll_secret = SecretString::from(self.ambient().entropy.token());
        let wish = self.wish(id, &ask, from, &host_nonce, &poll_secret)?;
        let expires_at = wish.row.expires_at;
        let (fleet, rules) = (self.clone(), self.join_rules().clone());
        let (status, is_admitted) = self
            .store()
            .write(permit, async move |tx| fleet.commit_wish(tx, &wish, &rules).await)
            .await?;
        if is_admitted {
            self.admit_by_token(id).await?;
        }
        self.tell(FleetEvent::JoinRequests);
        Ok(JoinTicket {
            id,
            poll_secret,
            host_nonce: Bytes64(host_nonce.to_vec()),
            ca: Bytes64(self.authority().ca()),
            status,
            expires_at: from_micros(expires_at).unwrap_or_else(|| self.ambient().now()),
        })
    }

    fn wish(
        &self,
        id: JoinRequestId,
        ask: &JoinAsk,
        from: Option<IpAddr>,
        host_nonce: &[u8],
        poll_secret: &SecretString,
    ) -> Result<Wish, JoinError> {
        if ask.nonce.0.len() != NONCE {
            return Err(JoinError::invalid(
                "nonce",
                "length",
                "exactly 32 random bytes, as base64",
            ));
        }
        let is_version = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
        if ask.version.is_empty()
            || ask.version.len() > LONGEST_VERSION
            || !ask.version.chars().all(is_version)
        {
            let message = "a version has 1 to 64 of the characters A-Z a-z 0-9 . - +";
            return Err(JoinError::invalid("version", "invalid", message));
        }
        let RequestedKey { key, fingerprint } = self.authority().read(&ask.certificate_request.0)?;
        let words = self.authority().words(&key, host_nonce, &ask.nonce.0);
        let now = self.ambient().clock.now_micros();
        let from = from
            .map(|from| from.to_canonical().to_string())
            .unwrap_or_default();
        let row = entity::Model {
            id: id.to_string(),
            name: ask.name.to_string(),
            address: address(ask.address.as_deref(), &from)?,
            from_address: from,
            port: ask.port.into(),
            version: ask.version.clone(),
            key_fingerprint: fingerprint,
            certificate_request: BASE64.encode(&ask.certificate_request.0),
            words: words.join(" "),
            poll_hash: digest(poll_secret.expose_secret()),
            status: word(JoinStatus::Pending),
            reason: None,
            replaces: None,
            labels: "{}".to_owned(),
            join_token: None,
            node: None,
            decided_by: None,
            requested_at: now,
            expires_at: now + REQUEST_LASTS_US,
            decided_at: None,
            handed_over_at: None,
        };
        let token_hash = ask.token.as_ref().map(|token| digest(token.expose_secret()));
        Ok(Wish { row, token_hash })
    }

    /// Puts the request where it belongs. Returns how it stands, and whether its token lets it in.
    async fn commit_wish(
        &self,
        tx: &WriteTx,
        wish: &Wish,
        rules: &super::JoinRules,
    ) -> Result<(JoinStatus, bool), JoinError> {
        let mut row = wish.row.clone();
        let now = row.requested_at;
        forget_old(tx, now).await?;
        let token = match &wish.token_hash {
            Some(hash) => Some(spend(tx, hash, &row.key_fingerprint, now).await?),
            None => None,
        };
        within_bounds(tx, &row, token.is_some(), rules).await?;
        let mut admits = false;
        if let Some(token) = token {
            row.name = token.node_name.unwrap_or(row.name);
            row.labels = token.labels;
            row.replaces = token.replaces;
            row.join_token = Some(token.id);
            admits = token.admits;
        }
        let status = match claim(tx, &mut row).await? {
            None => JoinStatus::Pending,
            Some(why) => {
                row.reason = Some(why);
                row.decided_at = Some(now);
                // Somebody shows another key under the name of a node that there is.
                tx.note_suspicious();
                JoinStatus::Denied
            }
        };
        row.status = word(status);
        tx.note("name", row.name.clone());
        tx.note("address", row.address.clone());
        tx.note("fingerprint", row.key_fingerprint.clone());
        tx.note("status", row.status.clone());
        if let Some(why) = &row.reason {
            tx.note("why", why.clone());
        }
        tx.insert(active(row)).await?;
        Ok((status, admits && status == JoinStatus::Pending))
    }
}

/// Where the machine says it is, if that is an address at all; else where it comes from.
fn address(said: Option<&str>, from: &str) -> Result<String, JoinError> {
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        return Ok(from.to_owned());
    };
    if said.parse::<IpAddr>().is_ok() || said.parse::<HostName>().is_ok() {
        return Ok(said.to_owned());
    }
    Err(JoinError::invalid(
        "address",
        "invalid",
        "an IP address or a host name, without a port",
    ))
}

/// What was decided a week ago, or expired then, is of interest to nobody.
async fn forget_old(tx: &WriteTx, now: i64) -> Result<(), StoreError> {
    let old = entity::Column::ExpiresAt.lt(now - KEPT_US);
    tx.delete(entity::Entity::delete_many().filter(old)).await?;
    let old = token_entity::Column::ExpiresAt.lt(now - KEPT_US);
    tx.delete(token_entity::Entity::delete_many().filter(old)).await?;
    Ok(())
}

fn by_secret(hash: &str) -> Select<token_entity::Entity> {
    token_entity::Entity::find().filter(token_entity::Column::SecretHash.eq(hash))
}

/// Whether the token may be used at all; whether a use is left is the statement's to say.
fn is_usable(token: Option<&token_entity::Model>, now: i64) -> Result<(), JoinError> {
    let token = token.ok_or(JoinError::Token("unknown here"))?;
    if token.revoked_at.is_some() {
        return Err(JoinError::Token("revoked"));
    }
    if token.expires_at <= now {
        return Err(JoinError::Token("expired"));
    }
    Ok(())
}

/// Takes one use of the token. A machine that asks again with the same key, because the answer was lost,
/// takes none: its earlier request gives way to the new one.
async fn spend(tx: &WriteTx, hash: &str, key: &str, now: i64) -> Result<token_entity::Model, JoinError> {
    let token = tx.one(by_secret(hash)).await?;
    is_usable(token.as_ref(), now)?;
    let token = token.ok_or(JoinError::Token("unknown here"))?;
    let earlier = entity::Entity::delete_many()
        .filter(entity::Column::JoinToken.eq(token.id.clone()))
        .filter(entity::Column::KeyFingerprint.eq(key))
        .filter(entity::Column::Status.eq(word(JoinStatus::Pending)));
    if tx.delete(earlier).await? > 0 {
        return Ok(token);
    }
    let update = token_entity::Entity::update_many()
        .col_expr(
            token_entity::Column::UsesLeft,
            Expr::col(token_entity::Column::UsesLeft).sub(1),
        )
        .filter(token_entity::Column::Id.eq(token.id.clone()))
        .filter(usable(now));
    match tx.update(update).await? {
        0 => Err(JoinError::Token("used up")),
        _ => Ok(token),
    }
}

/// Sees whether the name is free, or the machine's own. Returns why it is not.
async fn claim(tx: &WriteTx, row: &mut entity::Model) -> Result<Option<String>, StoreError> {
    let select = node_entity::Entity::find().filter(node_entity::Column::Name.eq(row.name.clone()));
    let Some(node) = tx.one(select).await? else {
        // The node to be replaced was purged meanwhile: its name is free like any other.
        row.replaces = None;
        return Ok(None);
    };
    if row.replaces.as_ref() == Some(&node.id) {
        return Ok(None);
    }
    let is_same_key = node.key_fingerprint.as_ref() == Some(&row.key_fingerprint);
    if is_same_key && node.status == Standing::Approved.word() {
        row.replaces = Some(node.id);
        return Ok(None);
    }
    row.replaces = None;
    Ok(Some(if is_same_key {
        format!(
            "the node {} was revoked; to bring it back, make a replace join URL for it",
            row.name
        )
    } else {
        format!(
            "the name {} belongs to another machine; choose another, or make a replace join URL for that node",
            row.name
        )
    }))
}

fn active(row: entity::Model) -> entity::ActiveModel {
    entity::ActiveModel {
        id: Set(row.id),
        name: Set(row.name),
        address: Set(row.address),
        from_address: Set(row.from_address),
        port: Set(row.port),
        version: Set(row.version),
        key_fingerprint: Set(row.key_fingerprint),
        certificate_request: Set(row.certificate_request),
        words: Set(row.words),
        poll_hash: Set(row.poll_hash),
        status: Set(row.status),
        reason: Set(row.reason),
        replaces: Set(row.replaces),
        labels: Set(row.labels),
        join_token: Set(row.join_token),
        node: Set(row.node),
        decided_by: Set(row.decided_by),
        requested_at: Set(row.requested_at),
        expires_at: Set(row.expires_at),
        decided_at: Set(row.decided_at),
        handed_over_at: Set(row.handed_over_at),
    }
}
