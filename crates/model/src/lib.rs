//! The shared nouns: typed ids, names that cannot be wrong, servers, nodes, orders, console lines and pages.
//!
//! No I/O and no async: a value of these types is right by construction, and every part of the house
//! speaks with them. Wire forms are snake_case JSON with lower-case words for enumerations.

mod barred;
pub mod console;
mod ids;
mod inquiry;
mod jail;
pub mod join;
mod machine_role;
mod metrics;
mod names;
mod node;
mod order;
mod page;
mod people;
mod server;
mod text;

pub use barred::{BanNews, Bar, BarredFrom, BarredList, BarredNetwork, HEARS_BANS};
pub use ids::{
    BanId, DecisionId, DecoyId, DeviceId, FactorId, GrantId, GroupId, GuessId, JoinRequestId, JoinTokenId,
    LetterId, LinkId, LockId, LockoutId, NodeId, OperationId, OutsideId, RequestId, ServerId, SessionId,
    TokenId, UserId,
};
pub use inquiry::{Asker, Inquiry, Look};
pub use jail::{Jail, Jailed, JailedAddress, NotAnAddress};
pub use machine_role::MachineRole;
pub use metrics::{Disk, Sample, ServerUse, Traffic};
pub use names::{
    CallSign, DisplayName, EmailAddress, HostName, NameError, NodeName, PoolName, Reason, SecurityContact,
    ServerName, SnapshotName, TokenName, UserName,
};
pub use node::{Heartbeat, NodeStatus, Share};
pub use order::{Envelope, MachineOrder, Order, OrderKind, OrderOutcome, ServerOrder};
pub use page::{Page, PageError, PageRequest, limit_of_query};
pub use people::{ERASED, names_the_erased, without_doer, without_person};
pub use server::{
    Breaker, Desired, Limits, RestartPolicy, ServerReport, ServerSpec, ServerStatus, SpecError, StopMethod,
    StopSignal,
};
pub use text::Text;
