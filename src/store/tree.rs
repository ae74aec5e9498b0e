//! Counts the trees of the store that are held: its files may be swapped only while none is.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A tree, for one use: while it is held, the store cannot be rewritten.
pub(super) struct Tree {
    // The order matters: the tree is dropped before it is no longer counted.
    tree: sled::Tree,
    _hold: Hold,
}

impl Tree {
    pub(super) fn new(tree: sled::Tree, holds: &Holds) -> Tree {
        holds.0.fetch_add(1, Ordering::AcqRel);
        Tree { tree, _hold: Hold(holds.clone()) }
    }
}

impl Deref for Tree {
    type Target = sled::Tree;

    fn deref(&self) -> &sled::Tree {
        &self.tree
    }
}

/// The number of trees of a store that are held.
#[derive(Clone, Default)]
pub(super) struct Holds(Arc<AtomicUsize>);

impl Holds {
    pub(super) fn none(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

struct Hold(Holds);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
