//! The shapes of the parts on the belt.

/// The shapes of the scene's parts, which are the classes of its detector, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A flat ring with one hole.
    Washer,
    /// A wheel with teeth, a hub and lightening holes.
    Gear,
    /// A rectangle with four holes and a printed label.
    Plate,
    /// Two arms at a right angle, three holes.
    Bracket,
}

impl Shape {
    /// Every shape, in the order of the classes.
    pub const ALL: [Shape; 4] = [Shape::Washer, Shape::Gear, Shape::Plate, Shape::Bracket];

    /// The name in configurations, labels and truth files.
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::Washer => "washer",
            Shape::Gear => "gear",
            Shape::Plate => "plate",
            Shape::Bracket => "bracket",
        }
    }
}
