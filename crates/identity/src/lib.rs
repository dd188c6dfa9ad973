//! Who is this: accounts, sign-in, sessions, step-up, CSRF tokens and API tokens.
//!
//! [`Identity`] keeps everything that a request needs to be told apart in memory, so that a session or a
//! token is recognised without the database; every change goes through the store with a permit, and what
//! was committed is read back before the answer is given. Changes that others make are heard from the
//! store's stream of changes.
//!
//! A session knows what it has proven and when; [`watchroom_policy::Proof`] carries that to the evaluator.
//! What may be done is decided in `watchroom-policy`; requests, cookies and pages are in `watchroom-web`.

mod access;
mod breached;
pub mod config;
mod csrf;
mod decoys;
mod device;
mod digest;
mod ending;
mod entity;
mod events;
mod factors;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod grants;
mod groups;
mod hashing;
mod identity;
mod key;
mod letters;
mod links;
mod lockout;
mod locks;
mod methods;
mod named;
mod network;
mod outside;
mod password;
mod reseal;
mod roles;
mod roll;
mod sessions;
mod set_up;
mod sign_in;
mod signed;
mod stamp;
mod strength;
mod tokens;
mod users;
mod vault;

pub use access::{GrantError, Granted, RefreshError, TokenSignIn};
pub use config::{Config, OidcRules, Preset};
pub use csrf::PreSession;
pub use decoys::{DecoyDraft, DecoyError, DecoyView, IssuedDecoy};
pub use ending::EndError;
pub use events::EntranceEvent;
pub use factors::{
    ConfirmTotp, Enrolled, FactorError, FactorView, FactorsView, KeyRotation, NoSite, Oneself, PasskeyAnswer,
    PasskeyCreation, PasskeyRequest, PasskeySignIn, PasskeySignInError, RegisterPasskey, Site, TotpOffer,
};
pub use grants::{Ability, GivingError, GrantFilter, GrantListed, MayDo, NewGrantFor};
pub use groups::{GroupDraft, GroupError, GroupView, HeldByGroup, Member, NewGroupGrant};
pub use hashing::HashError;
pub use identity::{Identity, OpenError};
pub use key::SharedKey;
pub use links::{
    Accept, EmailChange, EnterByLink, InvitationView, Invite, IssuedLink, LinkError, MagicOffer, ResetByLink,
};
pub use lockout::{LiftLockoutError, LockoutFilter, LockoutScope, LockoutView};
pub use locks::{LockError, LockFilter, LockTarget, LockTargetError, LockView, NewLock};
pub use methods::Method;
pub use named::NamedInVain;
pub use outside::{
    Admission, CameBack, Claims, Directory, DirectoryAway, DirectoryError, Entered, Errand, FromOutside,
    Journey, OutsideError, OutsideView, Outsider, Provider, ProviderFault, Providers, RoleRule, RuleError,
    SettingOut, TieError, TieOffer, Way,
};
pub use reseal::{Resealed, Seals, reseal};
pub use roles::{Difference, RoleDraft, RoleError, RoleView, WhatIf};
pub use sessions::{Again, KnownDevice, Session, SessionView, SignedIn, StepUpError};
pub use set_up::{SetUp, SetUpError, SetupCode};
pub use sign_in::{SecondStepError, SignIn, SignInError};
pub use strength::Strength;
pub use tokens::{CreateTokenError, IssuedToken, NewToken, TokenDraft, TokenFault, TokenKind, TokenView};
pub use users::{
    ChangePassword, ChangePasswordError, ChangeUserError, CreateUserError, CreatedUser, EraseError, Erased,
    NewUser, PersonExport, ReadError, ResetPasswordError, UserStatus, UserView,
};
pub use vault::{Place, Vault, VaultError};
