//! A path-compressed binary tree of networks: finding all that cover an address is one walk from the root.
//!
//! Both families are kept as prefixes of 128 bits, IPv4 in the uppermost 32, each in a tree of its own.

/// One network and those inside it. A node without a value of its own is only a fork.
#[derive(Debug)]
pub(super) struct Node<V> {
    prefix: u128,
    length: u8,
    value: V,
    zero: Branch<V>,
    one: Branch<V>,
}

/// What hangs below a node on one side.
pub(super) type Branch<V> = Option<Box<Node<V>>>;

/// The value of a network in the tree, made if it has none yet. Bits of `prefix` beyond `length` must be zero.
pub(super) fn place<V: Default>(branch: &mut Branch<V>, prefix: u128, length: u8) -> &mut V {
    let shared = branch
        .as_deref()
        .map(|node| node.shared(prefix, length))
        .unwrap_or_default();
    // A node that does not cover the network hangs below a fork where their ways part.
    if let Some(node) = branch.take_if(|node| shared < node.length) {
        let mut fork = Node::new(masked(prefix, shared), shared);
        let side = fork.side(node.prefix);
        *side = Some(node);
        *branch = Some(Box::new(fork));
    }
    let node = branch.get_or_insert_with(|| Box::new(Node::new(prefix, length)));
    if node.length == length {
        return &mut node.value;
    }
    place(node.side(prefix), prefix, length)
}

/// The values of all networks that cover an address, the widest first.
pub(super) fn covering<V>(branch: &Branch<V>, address: u128) -> impl Iterator<Item = &V> {
    let mut next = branch.as_deref();
    std::iter::from_fn(move || {
        let node = next?;
        if masked(address, node.length) != node.prefix {
            return None;
        }
        next = match bit(address, node.length) {
            None => None,
            Some(false) => node.zero.as_deref(),
            Some(true) => node.one.as_deref(),
        };
        Some(&node.value)
    })
}

impl<V: Default> Node<V> {
    fn new(prefix: u128, length: u8) -> Self {
        Self {
            prefix,
            length,
            value: V::default(),
            zero: None,
            one: None,
        }
    }
}

impl<V> Node<V> {
    /// How many leading bits this node and a network have in common.
    fn shared(&self, prefix: u128, length: u8) -> u8 {
        let alike = (self.prefix ^ prefix).leading_zeros();
        u8::try_from(alike)
            .unwrap_or(u8::MAX)
            .min(self.length)
            .min(length)
    }

    fn side(&mut self, prefix: u128) -> &mut Branch<V> {
        if bit(prefix, self.length) == Some(true) {
            &mut self.one
        } else {
            &mut self.zero
        }
    }
}

/// The bit at a place, counted from the left; none beyond the last.
fn bit(prefix: u128, place: u8) -> Option<bool> {
    let shift = 127_u32.checked_sub(place.into())?;
    Some(prefix >> shift & 1 == 1)
}

/// The first `length` bits, the rest zero.
pub(super) fn masked(prefix: u128, length: u8) -> u128 {
    let rest = 128_u32.saturating_sub(length.into());
    prefix & u128::MAX.checked_shl(rest).unwrap_or(0)
}
