//! Which parts a set of changes rewrites, and which of them together: decided on counts, without opening any.

use super::change::Op;
use super::manifest::PartInfo;

/// How large parts are meant to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Rows that a part aims at: what one changed document makes us rewrite, against files to open.
    pub(super) rows: u64,
    /// Bytes in memory that a part aims at: binds where rows carry text, and keeps any column below 2 GB.
    pub(super) memory: u64,
}

impl Bounds {
    /// Those that are used outside tests.
    pub(super) const USUAL: Self = Self {
        rows: 8 << 10,
        memory: 2 << 20,
    };

    /// Whether a group is so small that its parts had better be joined with a neighbour.
    fn tiny<R>(self, group: &Group<'_, R>) -> bool {
        let small = group.rows < self.rows / 4 && group.memory < self.memory / 4;
        !group.ops.is_empty() && (small || group.rows == 0)
    }

    fn fit<R>(self, a: &Group<'_, R>, b: &Group<'_, R>) -> bool {
        a.rows + b.rows <= self.rows && a.memory + b.memory <= self.memory
    }
}

/// Neighbouring parts and the operations that fall on them.
#[derive(Debug)]
pub(super) struct Group<'a, R> {
    /// In key order.
    pub(super) parts: Vec<&'a PartInfo>,
    /// In key order. Without any, the parts stay as they are.
    pub(super) ops: &'a [Op<R>],
    /// The rows that it will have.
    rows: u64,
    /// About how many bytes these will take; removals are not counted off.
    memory: u64,
}

impl<'a, R> Group<'a, R> {
    fn new(parts: Vec<&'a PartInfo>, ops: &'a [Op<R>]) -> Self {
        let old: u64 = parts.iter().map(|part| part.rows).sum();
        let growth: i64 = ops.iter().map(Op::growth).sum();
        Self {
            rows: old.saturating_add_signed(growth),
            memory: parts.iter().map(|part| part.memory).sum::<u64>()
                + ops.iter().map(|op| op.weight).sum::<u64>(),
            parts,
            ops,
        }
    }
}

/// Divides parts (in key order, none empty) and operations (in key order) into groups, in key order.
///
/// A part owns the keys from its least up to that of the next one, the first also all before. A rewritten
/// part that would be tiny takes a neighbour along.
pub(super) fn groups<'a, R>(
    bounds: Bounds,
    parts: &'a [PartInfo],
    ops: &'a [Op<R>],
) -> Vec<Group<'a, R>> {
    let mut groups: Vec<Group<'a, R>> = Vec::new();
    let mut rest = ops;
    let mut following = parts.iter().skip(1);
    for part in parts {
        let end = match following.next().and_then(|next| next.min) {
            Some(min) => rest.partition_point(|op| op.key < min),
            None => rest.len(),
        };
        let (own, after) = rest.split_at(end);
        rest = after;
        let group = Group::new(vec![part], own);
        match groups.pop() {
            Some(mut last)
                if (bounds.tiny(&last) || bounds.tiny(&group)) && bounds.fit(&last, &group) =>
            {
                last.parts.push(part);
                // Both slices are neighbours in `ops`: what joins them is where the first one starts.
                let start = ops.len() - rest.len() - own.len() - last.ops.len();
                let ops = ops.get(start..ops.len() - rest.len()).unwrap_or(own);
                groups.push(Group::new(last.parts, ops));
            }
            last => {
                groups.extend(last);
                groups.push(group);
            }
        }
    }
    if parts.is_empty() && !ops.is_empty() {
        groups.push(Group::new(Vec::new(), ops));
    }
    groups
}
