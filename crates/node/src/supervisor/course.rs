//! What follows when a server has ended: stay down, try again, or wait for the breaker. Pure.

use time::OffsetDateTime;
use watchroom_model::{Desired, RestartPolicy, ServerSpec};

use super::fuse::Fuse;
use crate::shim::Ending;

/// What follows an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// It stays down, as it should.
    Rest,
    /// It stays down, and somebody should know.
    Fail,
    /// It is started again after its back-off.
    Retry,
    /// It is started again at once: the machine went down, not the server.
    Resume,
    /// The breaker is open until then; one more try follows.
    Open(OffsetDateTime),
}

/// What follows when `ending` came at `at` upon a server that was `desired` so.
pub(crate) fn after(
    spec: &ServerSpec,
    desired: Desired,
    ending: &Ending,
    fuse: &mut Fuse,
    at: OffsetDateTime,
) -> Course {
    if desired == Desired::Stopped {
        return Course::Rest;
    }
    let is_clean = *ending == Ending::Exited { code: 0 };
    let comes_back = match spec.restart_policy {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure => !is_clean,
        RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
    };
    match (comes_back, ending) {
        (false, _) if is_clean => Course::Rest,
        (false, _) => Course::Fail,
        (true, Ending::Reboot) => Course::Resume,
        (true, _) => fuse.note(&spec.breaker, at).map_or(Course::Retry, Course::Open),
    }
}

/// How it ended, as a person reads it.
pub(crate) fn words(ending: &Ending, at: OffsetDateTime) -> String {
    let at = clock(at);
    match ending {
        Ending::Exited { code } => format!("exited with code {code} at {at}"),
        Ending::Signalled { signal } => format!("ended by signal {signal} at {at}"),
        Ending::CannotStart { why, .. } => format!("cannot start: {why}"),
        Ending::Orphaned => format!("its shim was killed, so the server was ended with it at {at}"),
        Ending::Reboot => "the machine was restarted".into(),
    }
}

/// A time of day as reasons show it.
pub(crate) fn clock(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use watchroom_kit::Ambient;
    use watchroom_model::{Breaker, ServerId};

    use super::*;

    fn spec(restart_policy: RestartPolicy) -> ServerSpec {
        ServerSpec {
            id: ServerId::mint(&Ambient::system()),
            name: "one".parse().unwrap(),
            command: vec!["/bin/true".into()],
            env: Default::default(),
            folder: None,
            run_as: None,
            restart_policy,
            breaker: Breaker::default(),
            stop: Default::default(),
            limits: Default::default(),
            labels: Default::default(),
        }
    }

    fn course(policy: RestartPolicy, desired: Desired, ending: &Ending) -> Course {
        after(
            &spec(policy),
            desired,
            ending,
            &mut Fuse::default(),
            datetime!(2026-01-01 12:05 UTC),
        )
    }

    #[test]
    fn policies_do_what_they_are_called() {
        use RestartPolicy::{Always, Never, OnFailure, UnlessStopped};
        let clean = Ending::Exited { code: 0 };
        let failed = Ending::Exited { code: 3 };
        assert_eq!(course(Never, Desired::Running, &clean), Course::Rest);
        assert_eq!(course(Never, Desired::Running, &failed), Course::Fail);
        assert_eq!(course(OnFailure, Desired::Running, &clean), Course::Rest);
        assert_eq!(course(OnFailure, Desired::Running, &failed), Course::Retry);
        assert_eq!(course(Always, Desired::Running, &clean), Course::Retry);
        assert_eq!(course(UnlessStopped, Desired::Running, &clean), Course::Retry);
        assert_eq!(
            course(OnFailure, Desired::Running, &Ending::Reboot),
            Course::Resume
        );
        assert_eq!(course(Never, Desired::Running, &Ending::Reboot), Course::Fail);
    }

    #[test]
    fn reasons_are_sentences() {
        let at = datetime!(2026-01-01 12:05 UTC);
        assert_eq!(
            words(&Ending::Exited { code: 3 }, at),
            "exited with code 3 at 12:05 UTC"
        );
    }

    proptest! {
        #[test]
        fn what_a_person_stopped_stays_down(code in 0..256, policy in 0..4) {
            let policies = [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always, RestartPolicy::UnlessStopped];
            let policy = policies[usize::try_from(policy).unwrap()];
            prop_assert_eq!(course(policy, Desired::Stopped, &Ending::Exited { code }), Course::Rest);
        }
    }
}
