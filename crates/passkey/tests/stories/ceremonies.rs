//! Whole ceremonies with an authenticator in software: what is taken, and each thing that is not.

use proptest::prelude::*;
use serde_json::json;
use watchroom_passkey::{Assertion, Ceremony, PasskeyError, PublicKey, Registered};
use watchroom_testkit_passkey::{
    Asked, Authenticator, COPIED, Kind, MAY_BE_COPIED, PRESENT, Proof, VERIFIED,
};

const CHALLENGE: &str = "Zm9yIG9uY2UgYW5kIG5vIG1vcmU";
const ORIGIN: &str = "https://panel.example.org:7443";
const HOST: &str = "panel.example.org";

const HERE: Asked<'static> = Asked {
    challenge: CHALLENGE,
    origin: ORIGIN,
    rp_id: HOST,
};
const STRICT: Ceremony<'static> = Ceremony {
    challenge: CHALLENGE,
    origin: ORIGIN,
    rp_id: HOST,
    needs_verification: true,
};

fn register(device: &mut Authenticator, asked: Asked<'_>) -> Result<Registered, PasskeyError> {
    let made = device.create(asked, b"vera");
    STRICT.register(&made.client_data, &made.attestation)
}

fn brought(proof: &Proof) -> Assertion {
    Assertion {
        client_data: proof.client_data.clone(),
        authenticator_data: proof.authenticator_data.clone(),
        signature: proof.signature.clone(),
    }
}

fn prove(device: &mut Authenticator, asked: Asked<'_>) -> Result<u32, PasskeyError> {
    let key = PublicKey::read(&device.public_key()).unwrap();
    let proof = device.prove(asked);
    STRICT.assert(&key, &brought(&proof)).map(|said| said.counter)
}

#[test]
fn a_key_of_each_kind_is_made_and_proven() {
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let mut device = Authenticator::new(kind);
        let made = register(&mut device, HERE).unwrap();
        assert_eq!(
            (made.id, made.counter, made.is_verified),
            (device.id.clone(), 1, true),
            "{kind:?}"
        );
        assert_eq!(made.public_key, device.public_key(), "{kind:?}");
        assert_eq!(prove(&mut device, HERE), Ok(2), "{kind:?}");
    }
}

#[test]
fn the_challenge_the_page_and_the_host_are_this_ones() {
    let elsewhere = [
        Asked {
            challenge: "YW5vdGhlcg",
            ..HERE
        },
        Asked {
            origin: "https://panel.example.org",
            ..HERE
        },
        Asked {
            origin: "http://panel.example.org:7443",
            ..HERE
        },
        Asked {
            origin: "https://panel.example.org:7443/",
            ..HERE
        },
        Asked {
            origin: "https://evil.example",
            ..HERE
        },
        Asked {
            rp_id: "example.org",
            ..HERE
        },
        Asked { rp_id: "", ..HERE },
    ];
    for asked in elsewhere {
        let mut device = Authenticator::new(Kind::EdDsa);
        assert!(
            matches!(register(&mut device, asked), Err(PasskeyError::Untrue(_))),
            "{asked:?}"
        );
        assert!(
            matches!(prove(&mut device, asked), Err(PasskeyError::Untrue(_))),
            "{asked:?}"
        );
    }
}

#[test]
fn nothing_is_taken_for_what_it_is_not() {
    for (name, value) in [
        ("type", json!("payment.get")),
        ("crossOrigin", json!(true)),
        ("topOrigin", json!("https://evil.example")),
    ] {
        let mut device = Authenticator::new(Kind::EdDsa);
        device.says.insert(name.to_owned(), value);
        assert!(
            matches!(register(&mut device, HERE), Err(PasskeyError::Untrue(_))),
            "{name}"
        );
        assert!(
            matches!(prove(&mut device, HERE), Err(PasskeyError::Untrue(_))),
            "{name}"
        );
    }
    // What proves a key makes none, and the other way round.
    let mut device = Authenticator::new(Kind::EdDsa);
    let key = PublicKey::read(&device.public_key()).unwrap();
    let (made, proof) = (device.create(HERE, b"vera"), device.prove(HERE));
    assert!(STRICT.register(&proof.client_data, &made.attestation).is_err());
    let mut bent = brought(&proof);
    bent.client_data = made.client_data;
    assert!(STRICT.assert(&key, &bent).is_err());
}

#[test]
fn somebody_is_there_and_verified_where_that_is_wanted() {
    let loose = Ceremony {
        needs_verification: false,
        ..STRICT
    };
    for (flags, strict, lenient) in [
        (PRESENT | VERIFIED, true, true),
        (PRESENT, false, true),
        (VERIFIED, false, false),
        (0, false, false),
        (PRESENT | VERIFIED | MAY_BE_COPIED, true, true),
        (PRESENT | VERIFIED | MAY_BE_COPIED | COPIED, true, true),
        (PRESENT | VERIFIED | COPIED, false, false),
    ] {
        let mut device = Authenticator::new(Kind::EdDsa);
        device.flags = flags;
        let key = PublicKey::read(&device.public_key()).unwrap();
        let proof = brought(&device.prove(HERE));
        assert_eq!(STRICT.assert(&key, &proof).is_ok(), strict, "{flags:#b}");
        assert_eq!(loose.assert(&key, &proof).is_ok(), lenient, "{flags:#b}");
        assert_eq!(register(&mut device, HERE).is_ok(), strict, "{flags:#b}");
    }
    let mut device = Authenticator::new(Kind::EdDsa);
    device.flags = PRESENT;
    assert_eq!(prove(&mut device, HERE), Err(PasskeyError::Unverified));
}

#[test]
fn a_key_proves_itself_alone() {
    let mut device = Authenticator::new(Kind::Es256);
    let other = PublicKey::read(&Authenticator::new(Kind::Es256).public_key()).unwrap();
    let proof = brought(&device.prove(HERE));
    assert_eq!(STRICT.assert(&other, &proof), Err(PasskeyError::Signature));
    let of_another_kind = PublicKey::read(&Authenticator::new(Kind::Rs256).public_key()).unwrap();
    assert_eq!(
        STRICT.assert(&of_another_kind, &proof),
        Err(PasskeyError::Signature)
    );
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    let es256 = Authenticator::new(Kind::Es256).public_key();
    let bent = |at: usize, to: u8| {
        let mut key = es256.clone();
        key[at] = to;
        PublicKey::read(&key).map(drop)
    };
    assert_eq!(bent(4, 0x25), Err(PasskeyError::Algorithm), "ECDH");
    assert_eq!(bent(6, 2), Err(PasskeyError::Algorithm), "another curve");
    assert!(bent(12, es256[12] ^ 1).is_err(), "a point beside the curve");
    let short_rsa = [
        &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x58, 128][..],
        &[0xff; 128],
        &[0x21, 0x43, 1, 0, 1],
    ];
    assert!(PublicKey::read(&short_rsa.concat()).is_err(), "1024 bits");
    let small_exponent = [
        &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0][..],
        &[0xff; 256],
        &[0x21, 0x41, 1],
    ];
    assert!(
        PublicKey::read(&small_exponent.concat()).is_err(),
        "exponent 1, which signs everything"
    );
    let rsa = Authenticator::new(Kind::Rs256).public_key();
    assert!(PublicKey::read(&rsa).is_ok());
}

proptest! {
    #[test]
    fn no_bit_of_a_proof_can_be_another(part in 0_usize..3, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut device = Authenticator::new(Kind::EdDsa);
        let key = PublicKey::read(&device.public_key()).unwrap();
        let mut proof = brought(&device.prove(HERE));
        prop_assert!(STRICT.assert(&key, &proof).is_ok());
        let bytes = [&mut proof.client_data, &mut proof.authenticator_data, &mut proof.signature];
        let bytes = bytes.into_iter().nth(part).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(STRICT.assert(&key, &proof).is_err());
    }

    #[test]
    fn no_bytes_break_a_ceremony(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in any::<prop::sample::Index>()) {
        let made = Authenticator::new(Kind::EdDsa).create(HERE, b"vera");
        prop_assert!(STRICT.register(&made.client_data, &bytes).is_err());
        prop_assert!(STRICT.register(&bytes, &made.attestation).is_err());
        let short = &made.attestation[..cut.index(made.attestation.len())];
        prop_assert!(STRICT.register(&made.client_data, short).is_err());
    }
}
