//! Sets of field paths and their algebra.

use std::{cmp::Ordering, fmt};

use super::element::PathElement;

/// A path from the root of an object.
pub type Path = Vec<PathElement>;

/// A set of field paths, kept as a tree: a node may be a member, have members below it, or both.
///
/// No node is without both, so two sets are equal exactly when their trees are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    nodes: Vec<Node>,
}

/// One child of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: PathElement,
    /// Whether the path that ends here is in the set.
    pub(super) member: bool,
    /// Paths that go on from here.
    pub(super) below: Set,
}

impl Set {
    /// Returns the empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the set of some paths of plain fields.
    #[must_use]
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(&path.iter().map(|name| PathElement::field(name)).collect::<Path>());
        }
        set
    }

    /// Returns whether no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns how many paths are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| usize::from(node.member) + node.below.len()).sum()
    }

    /// Adds a path; its parents are not added. The empty path, the whole object, is never a member.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.node_mut(first);
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Returns whether a path is in the set.
    #[must_use]
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path.split_first() {
            None => false,
            Some((last, [])) => self.has_member(last),
            Some((first, rest)) => self.below(first).is_some_and(|set| set.has(rest)),
        }
    }

    /// Returns all paths, parents before children.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut all = Vec::with_capacity(self.len());
        self.collect_paths(&mut Path::new(), &mut all);
        all
    }

    /// Returns the paths of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        join(self, other, |a, b| match (a, b) {
            (Some(a), Some(b)) => Node::kept(a, a.member || b.member, a.below.union(&b.below)),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        })
    }

    /// Returns the paths of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        join(self, other, |a, b| match (a, b) {
            (Some(a), Some(b)) => Node::kept(a, a.member && b.member, a.below.intersection(&b.below)),
            _ => None,
        })
    }

    /// Returns the paths that are not in `other`; children of a path in `other` stay.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        join(self, other, |a, b| match (a, b) {
            (Some(a), Some(b)) => Node::kept(a, a.member && !b.member, a.below.difference(&b.below)),
            (Some(a), None) => Some(a.clone()),
            (None, _) => None,
        })
    }

    /// Returns the paths that neither are in `other` nor lie below a path in `other`.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        join(self, other, |a, b| match (a, b) {
            (Some(_), Some(b)) if b.member => None,
            (Some(a), Some(b)) => Node::kept(a, a.member, a.below.recursive_difference(&b.below)),
            (Some(a), None) => Some(a.clone()),
            (None, _) => None,
        })
    }

    /// Returns the paths without members below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let nodes = self.nodes.iter().map(|node| Node {
            element: node.element.clone(),
            member: node.below.is_empty(),
            below: node.below.leaves(),
        });
        Self { nodes: nodes.collect() }
    }

    /// Returns whether every path is in `other`, too.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.nodes.iter().all(|node| {
            other.get(&node.element).is_some_and(|o| (!node.member || o.member) && node.below.is_subset(&o.below))
        })
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn get(&self, element: &PathElement) -> Option<&Node> {
        self.search(element).ok().map(|at| &self.nodes[at])
    }

    pub(super) fn has_member(&self, element: &PathElement) -> bool {
        self.get(element).is_some_and(|node| node.member)
    }

    /// The paths below an element, if there are any.
    pub(super) fn below(&self, element: &PathElement) -> Option<&Self> {
        self.get(element).map(|node| &node.below).filter(|set| !set.is_empty())
    }

    /// Adds a node that is not there yet; one without any path is dropped. Cheapest in sorted order.
    pub(super) fn push(&mut self, element: PathElement, member: bool, below: Self) {
        if !member && below.is_empty() {
            return;
        }
        let node = Node { element, member, below };
        if self.nodes.last().is_none_or(|last| last.element < node.element) {
            self.nodes.push(node);
            return;
        }
        match self.search(&node.element) {
            Ok(at) => {
                let old = &mut self.nodes[at];
                old.member |= node.member;
                old.below = old.below.union(&node.below);
            }
            Err(at) => self.nodes.insert(at, node),
        }
    }

    fn node_mut(&mut self, element: &PathElement) -> &mut Node {
        let at = self.search(element).unwrap_or_else(|at| {
            self.nodes.insert(at, Node { element: element.clone(), member: false, below: Self::new() });
            at
        });
        &mut self.nodes[at]
    }

    fn search(&self, element: &PathElement) -> Result<usize, usize> {
        self.nodes.binary_search_by(|node| node.element.cmp(element))
    }

    fn collect_paths(&self, prefix: &mut Path, all: &mut Vec<Path>) {
        for node in self.nodes.iter().filter(|node| node.member) {
            prefix.push(node.element.clone());
            all.push(prefix.clone());
            prefix.pop();
        }
        for node in &self.nodes {
            prefix.push(node.element.clone());
            node.below.collect_paths(prefix, all);
            prefix.pop();
        }
    }
}

impl Node {
    fn kept(of: &Self, member: bool, below: Set) -> Option<Self> {
        (member || !below.is_empty()).then(|| Self { element: of.element.clone(), member, below })
    }
}

/// One path a line, as conflict messages print it.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.paths().iter().map(|path| path_text(path)).collect();
        write!(f, "{}", lines.join("\n"))
    }
}

/// Prints a path: `.spec.containers[name="a"].image`.
pub(super) fn path_text(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}

/// Walks two sorted lists together.
fn join(a: &Set, b: &Set, mut pick: impl FnMut(Option<&Node>, Option<&Node>) -> Option<Node>) -> Set {
    let mut nodes = Vec::with_capacity(a.nodes.len());
    let (mut left, mut right) = (a.nodes.iter().peekable(), b.nodes.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.element.cmp(&b.element),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Set { nodes },
        };
        let picked = match order {
            Ordering::Less => pick(left.next(), None),
            Ordering::Greater => pick(None, right.next()),
            Ordering::Equal => pick(left.next(), right.next()),
        };
        nodes.extend(picked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths as words: `a.b` is field `b` of field `a`.
    fn set(paths: &[&str]) -> Set {
        let mut set = Set::new();
        for path in paths {
            set.insert(&path.split('.').map(PathElement::field).collect::<Path>());
        }
        set
    }

    #[test]
    fn operations_treat_a_node_and_what_is_below_it_apart() {
        let s = set(&["a", "a.b", "a.b.c", "d"]);
        assert_eq!(s.len(), 4);
        assert_eq!(s.difference(&set(&["a", "d"])), set(&["a.b", "a.b.c"]));
        assert_eq!(s.recursive_difference(&set(&["a.b"])), set(&["a", "d"]));
        assert_eq!(s.recursive_difference(&set(&["a"])), set(&["d"]));
        assert_eq!(s.recursive_difference(&set(&["a.b.c.d"])), s);
        assert_eq!(s.intersection(&set(&["a.b", "d.e"])), set(&["a.b"]));
        assert_eq!(s.leaves(), set(&["a.b.c", "d"]));
        assert_eq!(s.union(&set(&["a.x"])), set(&["a", "a.b", "a.b.c", "a.x", "d"]));
        assert!(s.has(&[PathElement::field("a"), PathElement::field("b")]));
        assert!(!s.has(&[]));
        assert_eq!(s.to_string(), ".a\n.d\n.a.b\n.a.b.c");
    }

    #[test]
    fn the_laws_of_sets_hold_for_random_sets() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut random = || {
            let mut set = Set::new();
            for _ in 0..rng.usize(..12) {
                let depth = rng.usize(1..4);
                let path: Path = (0..depth).map(|_| PathElement::field(&rng.char('a'..='d').to_string())).collect();
                set.insert(&path);
            }
            set
        };
        for _ in 0..500 {
            let (a, b, c) = (random(), random(), random());
            assert_eq!(a.union(&b), b.union(&a));
            assert_eq!(a.intersection(&b), b.intersection(&a));
            assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
            assert_eq!(a.intersection(&b), a.difference(&a.difference(&b)));
            assert_eq!(a.difference(&b).union(&a.intersection(&b)), a);
            assert_eq!(a.difference(&b.union(&c)), a.difference(&b).difference(&c));
            assert_eq!(a.difference(&b).recursive_difference(&b), a.recursive_difference(&b));
            assert_eq!(a.union(&b).len(), a.len() + b.len() - a.intersection(&b).len());
            assert!(a.paths().iter().all(|path| a.has(path)));
            assert_eq!(a.is_subset(&b), a.difference(&b).is_empty());
            assert!(a.intersection(&b).is_subset(&a));
        }
    }
}
