//! Passwords that a directory knows: counted as ours are, forgiven while it says nothing, and never asked for in vain.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use watchroom_identity::{
    Admission, Claims, Directory, DirectoryAway, DirectoryError, Outsider, Provider, SignIn, SignInError,
    SignedIn,
};
use watchroom_kit::{ExposeSecret, Fault, FaultKind, SecretString, Site};
use watchroom_policy::SecondFactor;

use crate::factors::{standing, strict};
use crate::room::{PASSWORD, Room, trail_from, typed};

/// A directory that knows Ann.
#[derive(Debug)]
struct Corporate {
    asked: AtomicUsize,
    is_away: AtomicBool,
    names: Mutex<Vec<String>>,
    admission: Admission,
}

impl Corporate {
    fn open(role: &str) -> Self {
        Self {
            asked: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
            names: Mutex::default(),
            admission: Admission {
                create: true,
                domains: vec!["*".into()],
                rules: Vec::new(),
                default_role: Some(role.to_owned()),
            },
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Directory for Corporate {
    fn name(&self) -> &str {
        "corp"
    }

    fn title(&self) -> &str {
        "Corporation"
    }

    fn admission(&self) -> &Admission {
        &self.admission
    }

    async fn prove(
        &self,
        name: &str,
        password: &SecretString,
        _: Site,
    ) -> Result<Option<Outsider>, DirectoryAway> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(DirectoryAway { why: "gone".into() });
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.names.lock().unwrap().push(name.to_owned());
        tokio::task::yield_now().await;
        let is_right = name == "ann" && password.expose_secret() == PASSWORD;
        Ok(is_right.then(|| Outsider {
            provider: Provider::ldap("corp"),
            realm: "dc=example".into(),
            subject: "4711".into(),
            user_name: Some(name.to_owned()),
            display_name: None,
            email: None,
            proven_at: None,
            claims: Claims::default(),
        }))
    }

    async fn examine(&self) -> Result<(), DirectoryAway> {
        Ok(())
    }
}

/// A try from the `n`th of many networks.
async fn tries(
    room: &Room,
    corporate: &Corporate,
    n: u16,
    (name, password): (&str, &str),
    device: Option<&SignedIn>,
) -> Result<SignedIn, DirectoryError> {
    let trail = trail_from(&format!("10.{}.{}.1", n / 256, n % 256));
    let device = device.and_then(|signed_in| signed_in.device.as_ref());
    let sign_in = SignIn {
        device: device.map(|device| device.cookie.clone()),
        ..typed(name, password)
    };
    room.identity
        .sign_in_by_directory(&trail, corporate, sign_in)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_guess_at_once_a_directory_is_asked_ten_times_an_hour() {
    let (room, _) = Room::with_admin().await;
    let corporate = Corporate::open("viewer");
    let ann = tries(&room, &corporate, 0, ("Ann", PASSWORD), None)
        .await
        .unwrap();
    let before = corporate.asked();
    let (room, corporate) = (&room, &corporate);
    // However the name is written, it is the same one.
    let names = ["ann", "ANN", "aNn"];
    let guesses = (1..=1_000).map(|n| async move {
        let name = names[usize::from(n) % names.len()];
        tries(room, corporate, n, (name, "wrong"), None).await
    });
    let answers = join_all(guesses).await;
    assert!(answers.iter().all(Result::is_err));
    let made = corporate.asked() - before;
    assert!((1..=10).contains(&made), "{made} guesses were made");
    let stranger = tries(room, corporate, 2_000, ("ann", PASSWORD), None).await;
    assert_eq!(stranger.unwrap_err().kind(), FaultKind::Locked);
    // Whoever has signed in there before has a place of their own.
    tries(room, corporate, 2_001, ("ann", PASSWORD), Some(&ann))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_directory_that_is_away_costs_no_try_and_one_that_is_there_is_asked_for_names_alone() {
    let (room, _) = Room::with_admin().await;
    let corporate = Corporate::open("viewer");
    corporate.is_away.store(true, Ordering::SeqCst);
    for n in 0..20 {
        let answer = tries(&room, &corporate, n, ("ann", "wrong"), None).await;
        assert!(matches!(answer, Err(DirectoryError::Away(_))), "{answer:?}");
    }
    corporate.is_away.store(false, Ordering::SeqCst);
    tries(&room, &corporate, 30, ("ann", PASSWORD), None)
        .await
        .unwrap();
    for name in ["*", "ann)(uid=*", "\u{ff41}nn", " ann", ""] {
        let answer = tries(&room, &corporate, 40, (name, PASSWORD), None).await;
        let wrong = DirectoryError::SignIn(SignInError::Wrong {
            remaining_attempts: 4,
            locked_until: None,
        });
        assert_eq!(answer.unwrap_err().to_string(), wrong.to_string(), "{name:?}");
    }
    assert_eq!(*corporate.names.lock().unwrap(), ["ann"]);
}

#[tokio::test]
async fn who_needs_a_second_factor_comes_in_by_half() {
    let room = strict().await;
    room.set_up("alice").await;
    let ann = tries(&room, &Corporate::open("admin"), 0, ("ann", PASSWORD), None)
        .await
        .unwrap();
    assert!(ann.session.is_half());
    assert_eq!(standing(&ann.session), SecondFactor::ToEnrol);
    let bee = tries(&room, &Corporate::open("viewer"), 0, ("ann", PASSWORD), None).await;
    assert!(!bee.unwrap().session.is_half(), "the roles are those of now");
}
