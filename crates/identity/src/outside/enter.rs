//! Coming in by a provider's word: to the account that is tied, to a new one, or to an offer to tie one.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_kit::ExposeSecret;
use watchroom_model::{GroupId, UserId};
use watchroom_policy::{Principal, Resource, ResourceKind, Scope, Trail, act};
use watchroom_store::{StoreError, WriteTx};

use super::{
    Entered, Errand, FromOutside, Gift, Given, Journey, OutsideError, Outsider, Provider, ProviderFault,
};
use crate::digest::Digest;
use crate::entity::{grant, group, group_member, outside_identity, spent_errand};
use crate::groups::Source;
use crate::roll::Account;
use crate::sessions::{NEVER, NewSession, SignedIn};
use crate::sign_in::{Begun, First, just_proven};
use crate::users::{NewGrant, UserStatus};
use crate::{Identity, stamp};

/// An identity and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Tie {
    pub(super) id: String,
    pub(super) user: UserId,
}

/// What a sign-in by a provider's word writes beside the session.
pub(crate) struct Vouched {
    user: UserId,
    provider: String,
    tie: String,
    /// The roles that the provider's word gives now; each with an id for its row.
    roles: Vec<NewGrant>,
    /// The groups that it puts them into now.
    groups: BTreeSet<GroupId>,
    /// The digest of what must not come twice, and when it is over.
    errand: Option<(String, i64)>,
}

impl Vouched {
    /// Whether the identity is still tied; only then is there a session.
    pub(crate) async fn write(&self, tx: &WriteTx, at: i64) -> Result<bool, StoreError> {
        tx.note("method", self.provider.as_str());
        if let Some((errand, until)) = &self.errand {
            spend(tx, errand, *until, at).await?;
        }
        let used = outside_identity::Entity::update_many()
            .col_expr(outside_identity::Column::LastUsed, Expr::value(at))
            .filter(outside_identity::Column::Id.eq(self.tie.clone()))
            .filter(outside_identity::Column::UserId.eq(self.user.to_string()));
        if tx.update(used).await? == 0 {
            return Ok(false);
        }
        self.renew_roles(tx).await?;
        renew_groups(tx, self.user, &self.provider, &self.groups).await?;
        Ok(true)
    }

    /// Gives the roles that the provider's word gives now, in the place of those it gave before. What a person gave, or
    /// another provider, stays as it is.
    async fn renew_roles(&self, tx: &WriteTx) -> Result<(), StoreError> {
        let held = grant::Entity::find()
            .filter(grant::Column::UserId.eq(self.user.to_string()))
            .filter(grant::Column::Scope.eq(Scope::Everything.to_string()));
        let held = tx.all(held).await?;
        let (ours, others): (Vec<_>, Vec<_>) = held
            .into_iter()
            .partition(|row| row.source.as_deref() == Some(self.provider.as_str()));
        let is_others = |role: &str| others.iter().any(|row| row.role == role);
        let wanted: Vec<&NewGrant> = self
            .roles
            .iter()
            .filter(|grant| !is_others(&grant.role))
            .collect();
        let before: BTreeSet<&str> = ours.iter().map(|row| row.role.as_str()).collect();
        let after: BTreeSet<&str> = wanted.iter().map(|grant| grant.role.as_str()).collect();
        if before == after {
            return Ok(());
        }
        tx.note("roles_before", before.iter().copied().collect::<Vec<_>>());
        tx.note("roles_after", after.iter().copied().collect::<Vec<_>>());
        let gone = ours.iter().map(|row| row.id.clone());
        if !ours.is_empty() {
            let gone = grant::Entity::delete_many().filter(grant::Column::Id.is_in(gone));
            tx.delete(gone).await?;
        }
        for grant in wanted {
            grant.insert(tx).await?;
        }
        Ok(())
    }
}

/// Puts somebody into the groups that the provider's word gives now, and takes them out of those it gave before. Where a
/// person put them, or another provider, they stay.
pub(super) async fn renew_groups(
    tx: &WriteTx,
    user: UserId,
    provider: &str,
    wanted: &BTreeSet<GroupId>,
) -> Result<(), StoreError> {
    let theirs = Condition::all()
        .add(group_member::Column::UserId.eq(user.to_string()))
        .add(group_member::Column::Source.eq(provider));
    let held = tx
        .all(group_member::Entity::find().filter(theirs.clone()))
        .await?;
    let before: BTreeSet<String> = held.into_iter().map(|row| row.group_id).collect();
    let wanted: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
    if before == wanted {
        return Ok(());
    }
    let both = group::Entity::find().filter(group::Column::Id.is_in(before.union(&wanted).cloned()));
    // One that has just been removed puts nobody anywhere.
    let there = tx.all(both).await?;
    let is_there = |id: &String| there.iter().any(|row| row.id == *id);
    let wanted: BTreeSet<String> = wanted.into_iter().filter(is_there).collect();
    let names = |of: &BTreeSet<String>| {
        let of = there.iter().filter(|row| of.contains(&row.id));
        of.map(|row| row.name.clone()).collect::<Vec<_>>()
    };
    tx.note("groups_before", names(&before));
    tx.note("groups_after", names(&wanted));
    tx.delete(group_member::Entity::delete_many().filter(theirs))
        .await?;
    for id in wanted {
        tx.insert(group_member::ActiveModel {
            group_id: Set(id),
            user_id: Set(user.to_string()),
            source: Set(Source::kept(Some(provider)).to_owned()),
        })
        .await?;
    }
    Ok(())
}

/// Takes what came, once; what is over is forgotten with it.
async fn spend(tx: &WriteTx, errand: &str, until: i64, at: i64) -> Result<(), StoreError> {
    let over = spent_errand::Entity::delete_many().filter(spent_errand::Column::Until.lte(at));
    tx.delete(over).await?;
    tx.insert(spent_errand::ActiveModel {
        errand: Set(errand.to_owned()),
        until: Set(until),
    })
    .await
}

impl Identity {
    /// Lets in somebody whom a provider vouches for. The session that begins is half a one where a second factor is
    /// needed, as after a password.
    ///
    /// # Errors
    /// [`OutsideError`]; it is written down.
    pub async fn enter_from_outside(
        &self,
        trail: &Trail,
        entering: FromOutside<'_>,
    ) -> Result<Entered, OutsideError> {
        self.enter_from_outside_as(trail, entering, None).await
    }

    /// The same for a program, which goes on by this token.
    pub(super) async fn enter_from_outside_as(
        &self,
        trail: &Trail,
        entering: FromOutside<'_>,
        program: Option<Digest>,
    ) -> Result<Entered, OutsideError> {
        let outsider = entering.outsider;
        let tie = match self.tied(outsider).await? {
            Some(tie) => tie,
            None => match self.newcomer(trail, &entering).await {
                Ok(Newcomer::Tied(tie)) => tie,
                Ok(Newcomer::MayTie(user)) => {
                    return Ok(Entered::ToTie(self.offer_tie(outsider, user)));
                }
                Err(error) => return Err(self.refuse_outsider(trail, &entering, None, error).await),
            },
        };
        let user = tie.user;
        match self.begin_from_outside(trail, &entering, (tie, program)).await {
            Ok(signed_in) => Ok(Entered::In(Box::new(signed_in))),
            Err(error) => Err(self.refuse_outsider(trail, &entering, Some(user), error).await),
        }
    }

    /// Whom the identity belongs to.
    pub(super) async fn tied(&self, outsider: &Outsider) -> Result<Option<Tie>, StoreError> {
        let found = outside_identity::Entity::find()
            .filter(outside_identity::Column::Provider.eq(outsider.provider.as_str()))
            .filter(outside_identity::Column::Realm.eq(outsider.realm.as_str()))
            .filter(outside_identity::Column::Subject.eq(outsider.subject.as_str()));
        let found = self.inner.store.read().await?.one(found).await?;
        found
            .map(|row| {
                let user = row.user_id.parse().map_err(|_| {
                    StoreError::Database(
                        "a value in outside_identities.user_id is not what it must be".into(),
                    )
                })?;
                Ok(Tie { id: row.id, user })
            })
            .transpose()
    }

    /// What becomes of somebody whose identity nobody has: an account with the same address is theirs to prove, and is
    /// never joined by a second one.
    async fn newcomer(&self, trail: &Trail, entering: &FromOutside<'_>) -> Result<Newcomer, OutsideError> {
        if let Some(session) = entering.held {
            return Ok(Newcomer::MayTie(session.user));
        }
        let outsider = entering.outsider;
        let known = outsider
            .email
            .as_ref()
            .map(|email| self.inner.roll.with_email(email))
            .unwrap_or_default();
        // Made a moment ago, by the same person in another window.
        if !known.is_empty()
            && let Some(tie) = self.tied(outsider).await?
        {
            return Ok(Newcomer::Tied(tie));
        }
        match known.as_slice() {
            [] => self
                .create_from_outside(trail, entering)
                .await
                .map(Newcomer::Tied),
            [one] if one.status == UserStatus::Active => Ok(Newcomer::MayTie(one.id)),
            [_] => Err(OutsideError::Disabled),
            // Whose of them it is nobody can say.
            _ => Err(OutsideError::NoAccount),
        }
    }

    async fn begin_from_outside(
        &self,
        trail: &Trail,
        entering: &FromOutside<'_>,
        (tie, program): (Tie, Option<Digest>),
    ) -> Result<SignedIn, OutsideError> {
        if entering.held.is_some_and(|session| session.user != tie.user) {
            return Err(OutsideError::OfAnother);
        }
        if self.inner.roll.account(tie.user).is_none() {
            // Committed a moment ago, and not on the roll yet.
            self.reread(tie.user).await?;
        }
        let account = self.inner.roll.account(tie.user).ok_or(OutsideError::NoAccount)?;
        if account.status != UserStatus::Active {
            return Err(OutsideError::Disabled);
        }
        let principal = Arc::new(just_proven(&account, self.inner.ambient.now()));
        self.find_unlocked::<OutsideError>(&principal, trail).await?;
        let on = Resource::all(ResourceKind::Session);
        let permit = self.permit(&principal, trail, act::SignIn, &on)?;
        let provider = entering.outsider.provider.as_str();
        let given = self.given_by(entering);
        let (ambient, config) = (&self.inner.ambient, &self.inner.config);
        let new = NewSession::mint(ambient, &config.session, account.id, trail, entering.remember_me);
        let mut new = match program {
            Some(refresh) => new.for_program(&config.jwt, refresh),
            None => new,
        };
        new.row.began_by = Set(Some(provider.to_owned()));
        let now = ambient.clock.now_micros();
        let proven = entering.outsider.proven_at.map(|at| stamp::of(at).min(now));
        new.row.proven_at = Set(proven.unwrap_or(NEVER));
        let is_half = self.will_lack_a_factor(&account, provider, &given);
        let begun = Begun {
            user: account.id,
            session: new.row,
            session_id: new.id.to_string(),
            at: ambient.clock.now_micros(),
            is_half,
            letter: match is_half {
                true => None,
                false => self.letter_of_device(&account, trail, entering.device),
            },
            first: First::Vouched(Vouched {
                user: account.id,
                provider: provider.to_owned(),
                tie: tie.id,
                groups: self.groups_named(&given),
                roles: self.roles_by(account.id, provider, given.roles),
                errand: entering.errand.as_ref().map(digest_of),
            }),
        };
        let written = self
            .inner
            .store
            .write(&permit, async move |tx| begun.write(tx).await);
        if !written.await? {
            return Err(OutsideError::Disabled);
        }
        self.reread(account.id).await?;
        let signed_in = self.signed_in(new.cookie).ok_or(OutsideError::Disabled)?;
        Ok(self.known(signed_in, entering.device))
    }

    /// What the rules give somebody, of the roles and groups that there are now: what a rule names that is not there it
    /// does not give.
    pub(super) fn given_by(&self, entering: &FromOutside<'_>) -> Given {
        let ground = self.inner.roll.ground();
        let is_there = |gift: &Gift| match gift {
            Gift::Role(name) => ground.roles.get(name).is_some(),
            Gift::Group(name) => ground.groups.named(name).is_some(),
        };
        entering.admission.gives(&entering.outsider.claims, is_there)
    }

    pub(super) fn groups_named(&self, given: &Given) -> BTreeSet<GroupId> {
        let ground = self.inner.roll.ground();
        let named = given.groups.iter().filter_map(|name| ground.groups.named(name));
        named.map(|group| group.id).collect()
    }

    /// Whether a second factor will be lacking once this is given.
    fn will_lack_a_factor(&self, account: &Account, provider: &str, given: &Given) -> bool {
        let ground = self.inner.roll.ground();
        let kept = account
            .grants
            .iter()
            .filter(|grant| Source::provider_of(&grant.source) != Some(provider))
            .map(|grant| grant.role.name.as_str());
        let by_groups = given
            .groups
            .iter()
            .filter_map(|name| ground.groups.named(name))
            .flat_map(|group| group.grants.iter().map(|held| held.role.as_str()));
        let mut all = kept
            .chain(by_groups)
            .chain(given.roles.iter().map(String::as_str));
        let required = &self.inner.config.second_factors.required_roles;
        account.has_factor() || all.any(|role| ground.roles.asks_second_factor(role, required))
    }

    pub(super) fn roles_by(&self, user: UserId, provider: &str, roles: BTreeSet<String>) -> Vec<NewGrant> {
        let roles = roles.into_iter();
        roles
            .map(|role| self.new_grant(user, role, Some(provider.to_owned())))
            .collect()
    }

    /// Notes that a provider did not vouch for whoever came back from it on this journey: a few a minute are written down,
    /// more are counted.
    ///
    /// # Errors
    /// [`OutsideError`] if it cannot be written down.
    pub async fn note_not_vouched(
        &self,
        trail: &Trail,
        (provider, journey): (&Provider, &Journey),
        fault: &ProviderFault,
    ) -> Result<(), OutsideError> {
        // A provider that is away is nobody's fault.
        if journey.is_own_doing && !fault.is_away {
            self.tell_not_let_in(trail, provider);
        }
        self.note_stranger(trail, provider, fault.word).await
    }

    /// Writes down and tells that somebody was not let in, and gives the reason back.
    async fn refuse_outsider(
        &self,
        trail: &Trail,
        entering: &FromOutside<'_>,
        user: Option<UserId>,
        error: OutsideError,
    ) -> OutsideError {
        if let OutsideError::Store(_) | OutsideError::Forbidden(_) = error {
            return error;
        }
        let outsider = entering.outsider;
        // Who is signed in and ties an identity signs in nowhere.
        if entering.is_own_doing && entering.held.is_none() {
            self.tell_not_let_in(trail, &outsider.provider);
        }
        let (provider, reason) = (&outsider.provider, error.word());
        let noted = match user {
            Some(_) => self.note_failure(trail, provider, user, (reason, 1)).await,
            None => self.note_stranger(trail, provider, reason).await,
        };
        noted.err().unwrap_or(error)
    }

    /// Tells those who defend the entrance. All that fails at one provider is one name to them, however often it does:
    /// nobody guesses there what could be guessed here, and people without an account come in crowds from one office.
    fn tell_not_let_in(&self, trail: &Trail, provider: &Provider) {
        self.tell_failed_sign_in(trail, provider.as_str(), false);
    }

    pub(super) async fn note_failure(
        &self,
        trail: &Trail,
        provider: &Provider,
        user: Option<UserId>,
        (reason, count): (&'static str, u32),
    ) -> Result<(), OutsideError> {
        let stranger = Arc::new(Principal::stranger());
        let on = user.map_or(Resource::all(ResourceKind::Session), Resource::user);
        let permit = self.permit(&stranger, trail, act::FailSignIn, &on)?;
        let provider = provider.to_string();
        let written = self.inner.store.write(&permit, async move |tx| {
            tx.note_failure();
            tx.note("method", provider.as_str());
            tx.note("reason", reason);
            if count > 1 {
                tx.note("count", count);
            }
            Ok::<_, StoreError>(())
        });
        Ok(written.await?)
    }
}

/// What becomes of somebody whose identity nobody has.
enum Newcomer {
    /// An account was made.
    Tied(Tie),
    /// They may tie this account, once they have proven that it is theirs.
    MayTie(UserId),
}

fn digest_of(errand: &Errand) -> (String, i64) {
    let digest = Digest::of(errand.secret.expose_secret()).to_string();
    (digest, stamp::of(errand.until))
}
