//! The two places where PKCS #11 writes what X.509 and TLS write otherwise: points of public keys, and signatures.

/// An uncompressed point of P-256: a mark and two coordinates (SEC 1, 2.3.3).
const POINT: usize = 65;
/// One number of a signature.
const NUMBER: usize = 32;

const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// What an uncompressed point begins with.
const UNCOMPRESSED: u8 = 0x04;

/// The point of a public key from the attribute `CKA_EC_POINT`: an octet string in DER that holds it, or, as some modules
/// give it, the point alone. `None` if it is no uncompressed point of P-256.
pub(super) fn point(attribute: &[u8]) -> Option<Vec<u8>> {
    let header = [OCTET_STRING, u8::try_from(POINT).ok()?];
    let is_alone = attribute.len() == POINT;
    let point = if is_alone {
        attribute
    } else {
        attribute.strip_prefix(&header)?
    };
    (point.len() == POINT && point.first() == Some(&UNCOMPRESSED)).then(|| point.to_vec())
}

/// A signature from the two numbers that `C_Sign` gives one after the other, as X.509 and TLS write it: `ECDSA-Sig-Value`
/// of RFC 3279, 2.2.3, in DER. `None` if they are not two numbers of P-256.
pub(super) fn signature(numbers: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = numbers
        .split_at_checked(NUMBER)
        .filter(|(_, s)| s.len() == NUMBER)?;
    let content = [integer(r)?, integer(s)?].concat();
    Some([&[SEQUENCE, u8::try_from(content.len()).ok()?], content.as_slice()].concat())
}

/// A positive number in DER: without zeros in front but the one that keeps it positive.
fn integer(big_endian: &[u8]) -> Option<Vec<u8>> {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let digits = big_endian.get(zeros..)?;
    let sign: &[u8] = if *digits.first()? < 0x80 { &[] } else { &[0] };
    let len = u8::try_from(sign.len() + digits.len()).ok()?;
    Some([&[INTEGER, len], sign, digits].concat())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
    };
    use proptest::prelude::*;

    use super::*;

    fn key() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    #[test]
    fn a_point_is_read_in_both_ways_of_writing_it() {
        let key = key();
        let bare = key.public_key().as_ref();
        let wrapped = [&[0x04, 0x41], bare].concat();
        assert_eq!(point(bare).as_deref(), Some(bare));
        assert_eq!(point(&wrapped).as_deref(), Some(bare));
        let compressed = [&[0x02], &bare[1..33]].concat();
        for other in [&[][..], &bare[1..], &wrapped[..66], &compressed] {
            assert_eq!(point(other), None);
        }
    }

    #[test]
    fn numbers_that_are_none_make_no_signature() {
        for wrong in [&[][..], &[1; 63], &[1; 65], &[0; 64]] {
            assert_eq!(signature(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_signature_is_one_that_others_verify(message in prop::collection::vec(any::<u8>(), 0..100)) {
            let key = key();
            let fixed = key.sign(&SystemRandom::new(), &message).unwrap();
            let der = signature(fixed.as_ref()).unwrap();
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
            prop_assert!(public.verify(&message, &der).is_ok());
        }

        #[test]
        fn a_number_is_written_shortly_and_never_negative(number in prop::array::uniform32(any::<u8>()), zeros in 0_usize..31) {
            let mut number = number;
            number[..zeros].fill(0);
            number[31] |= 1;
            let der = integer(&number).unwrap();
            let digits = &der[2..];
            prop_assert!(digits[0] < 0x80);
            prop_assert!(digits.len() == 1 || digits[0] != 0 || digits[1] >= 0x80);
            prop_assert_eq!(usize::from(der[1]), digits.len());
            let back = [&vec![0; 33 - digits.len()][..], digits].concat();
            prop_assert_eq!(&back[1..], &number[..]);
        }
    }
}
