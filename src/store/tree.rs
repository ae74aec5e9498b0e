//! A tree of the store, and how many are held: the files below may be swapped only while nobody holds one.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A tree, for one use: whoever keeps it keeps the store from being rewritten.
pub(super) struct Tree {
    // In this order: the tree is gone before it counts as gone.
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

/// How many trees of a store are held.
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
