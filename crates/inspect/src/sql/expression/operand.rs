//! One side of a comparison.

/// A literal, or a name with what it belongs to before a dot.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) owner: &'a [u8],
    pub(super) name: &'a [u8],
}

impl Operand<'_> {
    /// Whether two say the same, whatever the case of their letters.
    pub(super) fn is(&self, other: &Operand<'_>) -> bool {
        self.name.eq_ignore_ascii_case(other.name) && self.owner.eq_ignore_ascii_case(other.owner)
    }
}
