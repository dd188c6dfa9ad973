//! No permit, no write: what must not compile does not.

#[test]
fn what_has_no_permit_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/no_permit/*.rs");
}
