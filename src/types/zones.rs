//! Sets of a camera's zones that contain an object.

use std::sync::Arc;

use super::Label;

/// Most zones of a camera; one object may be in all of them.
pub const MAX_ZONES: usize = u16::BITS as usize;

/// A subset of a camera's zones, in the order of the configuration. It is small, because every finding
/// carries one, and clones allocate nothing, because they share the camera's names.
#[derive(Clone, Default, PartialEq)]
pub struct ZoneSet {
    names: Option<Arc<[Label]>>,
    /// Bit n is set where zone n of `names` is in the set.
    inside: u16,
}

impl ZoneSet {
    /// The zones of `names` whose bit is set in `inside`.
    pub fn new(names: &Arc<[Label]>, inside: u16) -> ZoneSet {
        match inside {
            0 => ZoneSet::default(),
            _ => ZoneSet { names: Some(names.clone()), inside },
        }
    }

    /// A set of all `names`, at most [`MAX_ZONES`].
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> ZoneSet {
        let names: Arc<[Label]> = names.into_iter().take(MAX_ZONES).map(Label::from).collect();
        let inside = (0..names.len()).fold(0, |inside, at| inside | 1 << at);
        ZoneSet::new(&names, inside)
    }

    /// The names of the zones in the set, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        let names = self.names.iter().flat_map(|names| names.iter().enumerate());
        names.filter(|(at, _)| self.inside & 1 << at != 0).map(|(_, name)| name)
    }

    /// Whether the set has no zone.
    pub fn is_empty(&self) -> bool {
        self.inside == 0
    }
}

impl std::fmt::Debug for ZoneSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_is_set_in_order_and_holds_all_that_a_camera_may_have() {
        let names: Arc<[Label]> = (0..MAX_ZONES).map(|n| Label::from(n.to_string())).collect();
        let listed = |set: &ZoneSet| set.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&ZoneSet::new(&names, 0b1000_0000_0000_0101)), ["0", "2", "15"]);
        assert_eq!(listed(&ZoneSet::new(&names, u16::MAX)).len(), MAX_ZONES);
        assert!(ZoneSet::new(&names, 0).is_empty() && ZoneSet::of([]).is_empty());
        assert_eq!(listed(&ZoneSet::of(["a", "b"])), ["a", "b"]);
        assert!(size_of::<ZoneSet>() <= 24, "every finding of a report carries one");
    }
}
