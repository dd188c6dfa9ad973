//! The acts: everything anybody can do, each with the permission it needs and the kind of entry it leaves.
//!
//! One table. The router, the OpenAPI document, the access walk, the docs and the audit log read it.

use serde::{Deserialize, Serialize};

use crate::catalogue::permission as p;
use crate::{Permission, ResourceKind};

/// What an act needs of whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// All of these permissions on the resource.
    Permissions(&'static [Permission]),
    /// To own the resource, or these permissions.
    OwnerOr(&'static [Permission]),
    /// To be somebody: any person or token.
    SignedIn,
    /// To be a person who has proven the first factor, whatever of the second.
    FirstFactor,
    /// To be a person who lacks no second factor, or has none yet.
    Enrolment,
    /// Nothing: anybody may.
    Nothing,
    /// To be Watchroom itself.
    System,
    /// To be a node.
    Node,
}

/// The kinds of entry in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventType {
    /// A sign-in or sign-out.
    Auth,
    /// A failed sign-in.
    AuthFailed,
    /// A refusal by the evaluator.
    AuthzDenied,
    /// A change.
    Audit,
    /// A change of password, factor, role or key.
    Security,
    /// Something broke.
    Error,
    /// An attack, or what looks like one.
    Suspicious,
}

impl EventType {
    /// Its word in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auth => "AUTH",
            Self::AuthFailed => "AUTH_FAILED",
            Self::AuthzDenied => "AUTHZ_DENIED",
            Self::Audit => "AUDIT",
            Self::Security => "SECURITY",
            Self::Error => "ERROR",
            Self::Suspicious => "SUSPICIOUS",
        }
    }
}

/// What somebody must have proven lately before they do an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreshProof {
    /// Nothing: it is enough to be signed in.
    NotNeeded,
    /// A password, a code or a passkey.
    Any,
    /// The password and a second factor, as far as the account has them: what changes how somebody signs in, or makes another
    /// way in.
    Whole,
}

/// What is known of an act before anybody does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActSpec {
    /// Its name in the audit log and the docs (`server.restart`).
    pub name: &'static str,
    /// What it is done to.
    pub on: ResourceKind,
    /// What it needs.
    pub needs: Needs,
    /// The permission by which one may know that the resource exists; without it a refusal says 404.
    pub known_by: Option<Permission>,
    /// What must have been proven lately.
    pub fresh_proof: FreshProof,
    /// The kind of entry it leaves; reads leave none by default.
    pub event: Option<EventType>,
}

/// An act. Only this module makes them.
pub trait Act: Copy + Send + Sync + 'static {
    /// What is known of it.
    const SPEC: ActSpec;
}

/// An act that changes something, and so leaves an entry.
pub trait Change: Act {}

/// A change that Watchroom itself makes, without a person; see [`crate::Permit::of_house`].
pub trait HouseAct: Change {}

impl HouseAct for KeepHouse {}
impl HouseAct for RecordRefusal {}
impl HouseAct for RecordSuspicion {}
impl HouseAct for RecordFinding {}
impl HouseAct for RecordTrouble {}
impl HouseAct for RecordRecovery {}
impl HouseAct for FenceNode {}
impl HouseAct for RenewCertificate {}
impl HouseAct for ReportServer {}
impl HouseAct for AdmitByToken {}
impl HouseAct for ImposeBan {}
impl HouseAct for TouchDecoy {}
impl HouseAct for CloseLetter {}

macro_rules! acts {
    (reads { $($(#[$read_doc:meta])* $read:ident = $read_name:literal on $read_on:ident, needs $read_needs:expr, known by $read_known:expr;)+ }
     changes { $($(#[$doc:meta])* $act:ident = $name:literal on $on:ident, needs $needs:expr, known by $known:expr, step up $step:ident, leaves $event:ident;)+ }) => {
        $(
            $(#[$read_doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $read;
            impl Act for $read {
                const SPEC: ActSpec = ActSpec {
                    name: $read_name, on: ResourceKind::$read_on, needs: $read_needs, known_by: $read_known,
                    fresh_proof: FreshProof::NotNeeded, event: None,
                };
            }
        )+
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $act;
            impl Act for $act {
                const SPEC: ActSpec = ActSpec {
                    name: $name, on: ResourceKind::$on, needs: $needs, known_by: $known,
                    fresh_proof: FreshProof::$step, event: Some(EventType::$event),
                };
            }
            impl Change for $act {}
        )+
        /// Every act there is.
        pub const ALL: &[ActSpec] = &[$($read::SPEC,)+ $($act::SPEC,)+];
    };
}

use Needs::{Enrolment, FirstFactor, Nothing, OwnerOr, Permissions, SignedIn, System};

acts! {
    reads {
    /// Look at a page or document that is for everybody: sign-in, assets, the API's description, health.
    LookAround = "host.look_around" on Host, needs Nothing, known by None;
    /// Report, as a browser does by itself, what it kept out of a page.
    ReportViolation = "host.report_violation" on Host, needs Nothing, known by None;
    /// See who one is, and pages that only need somebody.
    SeeSelf = "user.see_self" on User, needs SignedIn, known by None;
    /// Be asked for a second factor: what a browser needs to prove or to make one.
    AskForFactor = "factor.ask" on User, needs FirstFactor, known by None;
    /// List nodes.
    ListNodes = "node.list" on Node, needs Permissions(&[p::NODES_READ]), known by None;
    /// See one node.
    ShowNode = "node.show" on Node, needs Permissions(&[p::NODES_READ]), known by Some(p::NODES_READ);
    /// Exchange a round trip with a node, and see how it is.
    PingNode = "node.ping" on Node, needs Permissions(&[p::NODES_READ]), known by Some(p::NODES_READ);
    /// See how an operation on a node goes.
    ShowOperation = "operation.show" on Node, needs Permissions(&[p::NODES_READ]), known by Some(p::NODES_READ);
    /// See how a machine was, minute by minute.
    ReadMetrics = "node.metrics" on Node, needs Permissions(&[p::NODES_READ]), known by Some(p::NODES_READ);
    /// See the cluster and this Host: counts, health, versions.
    ShowCluster = "cluster.show" on Host, needs Permissions(&[p::NODES_READ]), known by None;
    /// See what this machine is in the cluster.
    SeeRole = "cluster.see_role" on Host, needs SignedIn, known by None;
    /// List machines that wish to join.
    ListJoinRequests = "node.join.list" on JoinRequest, needs Permissions(&[p::NODES_READ]), known by None;
    /// Learn of one's own wish to join, by its poll secret.
    CheckApproval = "node.join.check" on JoinRequest, needs Nothing, known by None;
    /// List invitations to join.
    ListJoinTokens = "node.join_token.list" on JoinToken, needs Permissions(&[p::NODES_APPROVE]), known by None;
    /// Say, as a node without a link, that one is there: its token and its key's signature are the proof.
    SendHeartbeat = "node.heartbeat" on Node, needs Nothing, known by None;
    /// List servers.
    ListServers = "server.list" on Server, needs Permissions(&[p::COMPUTE_READ]), known by None;
    /// See one server.
    ShowServer = "server.show" on Server, needs Permissions(&[p::COMPUTE_READ]), known by Some(p::COMPUTE_READ);
    /// Read a server's console.
    ReadConsole = "server.console.read" on Server, needs Permissions(&[p::COMPUTE_READ]), known by Some(p::COMPUTE_READ);
    /// List people.
    ListUsers = "user.list" on User, needs Permissions(&[p::USERS_READ]), known by None;
    /// See one person.
    ShowUser = "user.show" on User, needs OwnerOr(&[p::USERS_READ]), known by Some(p::USERS_READ);
    /// List the sessions of a person.
    ListSessions = "session.list" on User, needs OwnerOr(&[p::USERS_READ]), known by Some(p::USERS_READ);
    /// List bans.
    ListBans = "ban.list" on Ban, needs Permissions(&[p::NETWORK_READ]), known by None;
    /// List whom this machine's fail2ban keeps out.
    ListJail = "fail2ban.list" on Host, needs Permissions(&[p::NETWORK_READ]), known by None;
    /// List lockouts.
    ListLockouts = "lockout.list" on Lockout, needs Permissions(&[p::USERS_READ]), known by None;
    /// See why somebody was refused something.
    ExplainDecision = "decision.explain" on Decision, needs OwnerOr(&[p::AUDIT_READ]), known by Some(p::AUDIT_READ);
    /// List roles, and see who would gain or lose what if one were changed.
    ListRoles = "role.list" on Role, needs Permissions(&[p::ROLES_READ]), known by None;
    /// List who was given which role, and who may do a thing.
    ListGrants = "grant.list" on Grant, needs Permissions(&[p::ROLES_READ]), known by None;
    /// List groups, who is in them and what they hold.
    ListGroups = "group.list" on Group, needs Permissions(&[p::ROLES_READ]), known by None;
    /// List locks.
    ListLocks = "lock.list" on Lock, needs Permissions(&[p::USERS_READ]), known by None;
    /// List decoy tokens.
    ListDecoys = "decoy.list" on Decoy, needs Permissions(&[p::TOKENS_MANAGE]), known by None;
    /// Look over this Host against the hardening list.
    ExamineHost = "host.examine" on Host, needs Permissions(&[p::SETTINGS_READ]), known by None;
    /// See how mail leaves, and what waits.
    ShowMail = "mail.show" on Host, needs Permissions(&[p::SETTINGS_READ]), known by None;
    /// List tokens: one's own, or everybody's.
    ListTokens = "token.list" on Token, needs SignedIn, known by None;
    /// Listen to what changes; what is told is filtered by what the listener may read.
    ListenToChanges = "host.listen" on Host, needs SignedIn, known by None;
    }
    changes {
    /// Read or search the audit log: a read that leaves an entry.
    ReadAudit = "audit.read" on Audit, needs Permissions(&[p::AUDIT_READ]), known by None, step up NotNeeded, leaves Audit;
    /// Verify the audit chain.
    VerifyAudit = "audit.verify" on Audit, needs Permissions(&[p::AUDIT_VERIFY]), known by None, step up NotNeeded, leaves Audit;
    /// Export the audit log.
    ExportAudit = "audit.export" on Audit, needs Permissions(&[p::AUDIT_READ]), known by None, step up NotNeeded, leaves Audit;
    /// Create a server with a free command.
    CreateServer = "server.create" on Server, needs Permissions(&[p::COMPUTE_CREATE, p::COMPUTE_COMMAND]), known by None, step up NotNeeded, leaves Audit;
    /// Start a server.
    StartServer = "server.start" on Server, needs Permissions(&[p::COMPUTE_CONTROL]), known by Some(p::COMPUTE_READ), step up NotNeeded, leaves Audit;
    /// Stop a server.
    StopServer = "server.stop" on Server, needs Permissions(&[p::COMPUTE_CONTROL]), known by Some(p::COMPUTE_READ), step up NotNeeded, leaves Audit;
    /// Restart a server.
    RestartServer = "server.restart" on Server, needs Permissions(&[p::COMPUTE_CONTROL]), known by Some(p::COMPUTE_READ), step up NotNeeded, leaves Audit;
    /// Remove a server.
    RemoveServer = "server.remove" on Server, needs Permissions(&[p::COMPUTE_DELETE]), known by Some(p::COMPUTE_READ), step up Any, leaves Audit;
    /// Send a line to a server's console.
    SendLine = "server.console.send" on Server, needs Permissions(&[p::COMPUTE_CONSOLE]), known by Some(p::COMPUTE_READ), step up NotNeeded, leaves Audit;
    /// Let a fenced node back in.
    UnfenceNode = "node.unfence" on Node, needs Permissions(&[p::NODES_APPROVE]), known by Some(p::NODES_READ), step up Any, leaves Security;
    /// Make a new cluster CA, which every node then moves to.
    RotateCa = "cluster.ca.rotate" on Host, needs Permissions(&[p::SETTINGS_MANAGE]), known by None, step up Any, leaves Security;
    /// Give the cluster, on its Host's own machine, another secret, under which everything is sealed anew.
    RotateSecret = "cluster.secret.rotate" on Host, needs Permissions(&[p::SETTINGS_MANAGE]), known by None, step up Any, leaves Security;
    /// Settle, on its own machine, who a Host is, where its two copies of that differ.
    RepairRole = "host.repair_role" on Host, needs Permissions(&[p::SETTINGS_MANAGE]), known by None, step up Any, leaves Security;
    /// Ask to join, by an invitation or from a network that may ask.
    RequestJoin = "node.join.request" on JoinRequest, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Let a machine in.
    ApproveJoin = "node.join.approve" on JoinRequest, needs Permissions(&[p::NODES_APPROVE]), known by Some(p::NODES_READ), step up Any, leaves Security;
    /// Let a machine in because its invitation says so.
    AdmitByToken = "node.join.admit" on JoinRequest, needs System, known by None, step up NotNeeded, leaves Security;
    /// Turn a machine away.
    RejectJoin = "node.join.reject" on JoinRequest, needs Permissions(&[p::NODES_APPROVE]), known by Some(p::NODES_READ), step up NotNeeded, leaves Security;
    /// Give a machine that was let in its certificate and token.
    HandOverPapers = "node.join.hand_over" on JoinRequest, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Register a node by hand: an invitation bound to its name, which a person still approves.
    RegisterNode = "node.register" on JoinToken, needs Permissions(&[p::NODES_APPROVE]), known by None, step up NotNeeded, leaves Security;
    /// Make an invitation, which may let machines in by itself.
    CreateJoinToken = "node.join_token.create" on JoinToken, needs Permissions(&[p::NODES_APPROVE]), known by None, step up Any, leaves Security;
    /// Take an invitation back.
    RevokeJoinToken = "node.join_token.revoke" on JoinToken, needs Permissions(&[p::NODES_APPROVE]), known by None, step up NotNeeded, leaves Security;
    /// Revoke a node: its certificate and token are no longer taken.
    RevokeNode = "node.revoke" on Node, needs Permissions(&[p::NODES_MODIFY]), known by Some(p::NODES_READ), step up Any, leaves Security;
    /// Strike a revoked node from the roll, with the record of its servers.
    PurgeNode = "node.purge" on Node, needs Permissions(&[p::NODES_MODIFY]), known by Some(p::NODES_READ), step up Any, leaves Security;
    /// Restart a node's machine.
    RestartNode = "node.restart" on Node, needs Permissions(&[p::NODES_MODIFY]), known by Some(p::NODES_READ), step up Any, leaves Audit;
    /// Shut a node's machine down.
    ShutDownNode = "node.shut_down" on Node, needs Permissions(&[p::NODES_MODIFY]), known by Some(p::NODES_READ), step up Any, leaves Audit;
    /// Call an operation on a node off.
    CancelOperation = "operation.cancel" on Node, needs Permissions(&[p::NODES_MODIFY]), known by Some(p::NODES_READ), step up NotNeeded, leaves Audit;
    /// Create a person's account.
    CreateUser = "user.create" on User, needs Permissions(&[p::USERS_MANAGE]), known by None, step up Any, leaves Security;
    /// Invite somebody by a link, or take an invitation back.
    InviteUser = "user.invite" on User, needs Permissions(&[p::USERS_MANAGE]), known by None, step up Any, leaves Security;
    /// Make one's account by an invitation.
    AcceptInvitation = "user.accept_invitation" on User, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Make a link by which another chooses a new password.
    OfferReset = "user.offer_reset" on User, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Whole, leaves Security;
    /// Choose a new password by a link.
    ResetByLink = "user.reset_by_link" on User, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Set the address where mail reaches somebody.
    ChangeEmail = "user.change_email" on User, needs OwnerOr(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Whole, leaves Security;
    /// Confirm one's own address by a link.
    ConfirmEmail = "user.confirm_email" on User, needs OwnerOr(&[]), known by None, step up NotNeeded, leaves Security;
    /// End sessions of a person.
    EndSessions = "session.end" on User, needs OwnerOr(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up NotNeeded, leaves Security;
    /// Disable or enable an account.
    ChangeUser = "user.change" on User, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Any, leaves Security;
    /// Hand over all that is held about a person.
    ExportUser = "user.export" on User, needs OwnerOr(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Any, leaves Security;
    /// Erase a person: their account, what is theirs, and their name elsewhere.
    EraseUser = "user.erase" on User, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Any, leaves Security;
    /// Set another's password.
    ResetPassword = "user.reset_password" on User, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Whole, leaves Security;
    /// Change one's own password.
    ChangePassword = "user.change_password" on User, needs OwnerOr(&[]), known by None, step up NotNeeded, leaves Security;
    /// Enrol a second factor for oneself.
    AddFactor = "factor.add" on User, needs Enrolment, known by None, step up Whole, leaves Security;
    /// Remove one of one's own second factors.
    RemoveFactor = "factor.remove" on User, needs OwnerOr(&[]), known by None, step up Whole, leaves Security;
    /// Make new recovery codes for oneself; the old ones end.
    RenewRecoveryCodes = "factor.recovery_codes" on User, needs OwnerOr(&[]), known by None, step up Whole, leaves Security;
    /// Remove all second factors of another, who lost them.
    ResetFactors = "user.reset_factors" on User, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Whole, leaves Security;
    /// Write down that a passkey was refused since there seem to be two of it.
    SuspectClone = "factor.suspect_clone" on User, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Get an account by the word of a directory or a provider.
    AdmitOutsider = "user.admit" on User, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Tie an identity at a provider to one's own account.
    TieIdentity = "identity.tie" on User, needs OwnerOr(&[]), known by None, step up Whole, leaves Security;
    /// Untie an identity of one's own account, or of another's.
    UntieIdentity = "identity.untie" on User, needs OwnerOr(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Whole, leaves Security;
    /// Seal what must be read back under a new key.
    RotateKeys = "key.rotate" on Host, needs Permissions(&[p::SETTINGS_MANAGE]), known by None, step up Any, leaves Security;
    /// Send a letter to see whether mail arrives.
    TestMail = "mail.test" on Host, needs Permissions(&[p::SETTINGS_MANAGE]), known by None, step up NotNeeded, leaves Audit;
    /// Write down that a letter was delivered, or given up.
    CloseLetter = "mail.close" on Host, needs System, known by None, step up NotNeeded, leaves Audit;
    /// Make a token for oneself, or for another with `tokens:manage`.
    CreateToken = "token.create" on Token, needs OwnerOr(&[p::TOKENS_MANAGE]), known by None, step up Whole, leaves Security;
    /// Revoke a token.
    RevokeToken = "token.revoke" on Token, needs OwnerOr(&[p::TOKENS_MANAGE]), known by Some(p::TOKENS_READ), step up NotNeeded, leaves Security;
    /// Make a decoy token, which opens nothing.
    CreateDecoy = "decoy.create" on Decoy, needs Permissions(&[p::TOKENS_MANAGE]), known by None, step up NotNeeded, leaves Security;
    /// Remove a decoy token.
    RemoveDecoy = "decoy.remove" on Decoy, needs Permissions(&[p::TOKENS_MANAGE]), known by None, step up NotNeeded, leaves Security;
    /// Write down that somebody showed a decoy token.
    TouchDecoy = "decoy.touch" on Decoy, needs System, known by None, step up NotNeeded, leaves Suspicious;
    /// Ban an address or a network.
    CreateBan = "ban.create" on Ban, needs Permissions(&[p::NETWORK_MODIFY]), known by None, step up NotNeeded, leaves Security;
    /// Lift a ban.
    LiftBan = "ban.lift" on Ban, needs Permissions(&[p::NETWORK_MODIFY]), known by Some(p::NETWORK_READ), step up NotNeeded, leaves Security;
    /// Let a ban hold that would hit one's own people or machines.
    ConfirmBan = "ban.confirm" on Ban, needs Permissions(&[p::NETWORK_MODIFY]), known by Some(p::NETWORK_READ), step up Any, leaves Security;
    /// Lift a ban of this machine's fail2ban.
    LiftJailed = "fail2ban.lift" on Host, needs Permissions(&[p::NETWORK_MODIFY]), known by None, step up Any, leaves Security;
    /// Lift a lockout.
    LiftLockout = "lockout.lift" on Lockout, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up NotNeeded, leaves Security;
    /// Make a role.
    CreateRole = "role.create" on Role, needs Permissions(&[p::ROLES_MANAGE]), known by None, step up Any, leaves Security;
    /// Change what a role gives.
    ChangeRole = "role.change" on Role, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Remove a role, or put a built-in one back as it was.
    RemoveRole = "role.remove" on Role, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Give somebody a role at a scope.
    GiveGrant = "grant.give" on Grant, needs Permissions(&[p::ROLES_MANAGE]), known by None, step up Any, leaves Security;
    /// Take a role from somebody.
    TakeGrant = "grant.take" on Grant, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Make a group.
    CreateGroup = "group.create" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by None, step up Any, leaves Security;
    /// Give a group another name.
    RenameGroup = "group.rename" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Remove a group, with what its members held by it.
    RemoveGroup = "group.remove" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Put somebody into a group.
    AddMember = "group.add_member" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Take somebody out of a group.
    RemoveMember = "group.remove_member" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Give a group a role at a scope.
    GiveToGroup = "group.give" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Take a role from a group.
    TakeFromGroup = "group.take" on Group, needs Permissions(&[p::ROLES_MANAGE]), known by Some(p::ROLES_READ), step up Any, leaves Security;
    /// Lock a person, a token, a node, a role or everything for a while.
    CreateLock = "lock.create" on Lock, needs Permissions(&[p::USERS_MANAGE]), known by None, step up Any, leaves Security;
    /// Lift a lock.
    LiftLock = "lock.lift" on Lock, needs Permissions(&[p::USERS_MANAGE]), known by Some(p::USERS_READ), step up Any, leaves Security;
    /// Ban whoever attacks.
    ImposeBan = "ban.impose" on Ban, needs System, known by None, step up NotNeeded, leaves Suspicious;
    /// Make the first administrator by the one-time code.
    SetUp = "host.set_up" on Host, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Sign in.
    SignIn = "session.sign_in" on Session, needs Nothing, known by None, step up NotNeeded, leaves Auth;
    /// Go on as a program, by a token that is good once.
    RefreshTokens = "session.refresh" on Session, needs SignedIn, known by None, step up NotNeeded, leaves Auth;
    /// End a program's sign-in because a token that is good once came twice.
    EndTokenFamily = "session.refresh_reused" on Session, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// End a remembered browser's session because a cookie that was replaced was shown again.
    EndCopiedSession = "session.cookie_reused" on Session, needs Nothing, known by None, step up NotNeeded, leaves Security;
    /// Fail to sign in, or to step up.
    FailSignIn = "session.fail" on Session, needs Nothing, known by None, step up NotNeeded, leaves AuthFailed;
    /// Ask for a link by which one signs in.
    AskForLink = "session.ask_for_link" on Session, needs Nothing, known by None, step up NotNeeded, leaves Auth;
    /// Sign out.
    SignOut = "session.sign_out" on Session, needs FirstFactor, known by None, step up NotNeeded, leaves Auth;
    /// Prove the second factor.
    ProveSecondFactor = "session.second_factor" on Session, needs FirstFactor, known by None, step up NotNeeded, leaves Auth;
    /// Prove again who one is.
    StepUp = "session.step_up" on Session, needs SignedIn, known by None, step up NotNeeded, leaves Auth;
    /// Say that one is still here.
    StayActive = "session.activity" on Session, needs SignedIn, known by None, step up NotNeeded, leaves Auth;
    /// Watchroom starts, stops, enrols its own node, repairs, prunes.
    KeepHouse = "host.keep_house" on Host, needs System, known by None, step up NotNeeded, leaves Audit;
    /// Write down a refusal, one entry or a count of many.
    RecordRefusal = "access.refused" on Host, needs System, known by None, step up NotNeeded, leaves AuthzDenied;
    /// Write down what the shield turned away, one entry or a count of many.
    RecordSuspicion = "shield.refused" on Host, needs System, known by None, step up NotNeeded, leaves Suspicious;
    /// Write down input that looks like an attack, one entry or a count of many.
    RecordFinding = "shield.inspected" on Host, needs System, known by None, step up NotNeeded, leaves Suspicious;
    /// Write down that a part of the Host is away, or weaker than it should be.
    RecordTrouble = "host.trouble" on Host, needs System, known by None, step up NotNeeded, leaves Error;
    /// Write down that it is well again.
    RecordRecovery = "host.recovered" on Host, needs System, known by None, step up NotNeeded, leaves Audit;
    /// Turn a node away, because two machines have its key or it came back too often.
    FenceNode = "node.fence" on Node, needs System, known by None, step up NotNeeded, leaves Suspicious;
    /// Give a node another certificate.
    RenewCertificate = "node.renew_certificate" on Node, needs System, known by None, step up NotNeeded, leaves Security;
    /// Keep what a node says of its servers.
    ReportServer = "server.report" on Server, needs System, known by None, step up NotNeeded, leaves Audit;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_acts_share_a_name() {
        let names: BTreeSet<_> = ALL.iter().map(|spec| spec.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
