//! One change of a unit at a time: a restart, replacement or removal holds the claim to the unit's name
//! meanwhile.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The names whose units are being changed. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(Arc<ClaimInner>);

#[derive(Debug, Default)]
struct ClaimInner {
    names: Mutex<Vec<Arc<str>>>,
    given_back: Condvar,
}

/// The right to change the unit of one name, given back when it is dropped. Nothing else changes that unit
/// meanwhile.
#[must_use = "without a claim the next change begins at once"]
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    name: Arc<str>,
}

impl Claims {
    /// The claim to `name`; `None` while another holds it.
    pub(super) fn try_take(&self, name: &str) -> Option<Claim> {
        let mut names = self.0.names.lock();
        let free = !names.iter().any(|known| **known == *name);
        free.then(|| self.taken(&mut names, name))
    }

    /// The same; waits for at most `patience` until it is given back.
    pub(super) fn take(&self, name: &str, patience: Duration) -> Option<Claim> {
        let mut names = self.0.names.lock();
        let is_taken = |names: &mut Vec<Arc<str>>| names.iter().any(|known| **known == *name);
        self.0.given_back.wait_while_for(&mut names, is_taken, patience);
        (!is_taken(&mut names)).then(|| self.taken(&mut names, name))
    }

    fn taken(&self, names: &mut Vec<Arc<str>>, name: &str) -> Claim {
        let name: Arc<str> = name.into();
        names.push(name.clone());
        Claim { claims: self.clone(), name }
    }
}

impl Claim {
    /// The name of the unit that may be changed.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.names.lock().retain(|known| !Arc::ptr_eq(known, &self.name));
        self.claims.0.given_back.notify_all();
    }
}
