//! The order of planes in files that do not say it: `--axes`, and the orders of OME.

use super::StackError;

/// What a plane is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Position,
    Time,
    Channel,
    Depth,
}

impl Axis {
    pub(super) fn from_letter(letter: char) -> Option<Axis> {
        Some(match letter.to_ascii_uppercase() {
            'P' => Axis::Position,
            'T' => Axis::Time,
            'C' => Axis::Channel,
            'Z' => Axis::Depth,
            _ => return None,
        })
    }
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub positions: usize,
    pub frames: usize,
    pub channels: usize,
    pub depth: usize,
}

impl Counts {
    pub(super) const ONE: Counts = Counts { positions: 1, frames: 1, channels: 1, depth: 1 };

    pub(super) fn of(&mut self, axis: Axis) -> &mut usize {
        match axis {
            Axis::Position => &mut self.positions,
            Axis::Time => &mut self.frames,
            Axis::Channel => &mut self.channels,
            Axis::Depth => &mut self.depth,
        }
    }

    /// Planes of all axes together; None where the number does not fit.
    pub(super) fn planes(&self) -> Option<usize> {
        self.positions.checked_mul(self.frames)?.checked_mul(self.channels)?.checked_mul(self.depth)
    }
}

/// An order of planes with the count of each axis, slowest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order(Vec<(Axis, usize)>);

impl Order {
    pub(super) fn new(slowest_first: impl IntoIterator<Item = (Axis, usize)>) -> Order {
        Order(slowest_first.into_iter().collect())
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::ONE;
        for (axis, count) in &self.0 {
            *counts.of(*axis) = *count;
        }
        counts
    }

    /// Position, frame, channel and depth of the plane with this number.
    pub(super) fn place(&self, mut number: usize) -> Counts {
        let mut place = Counts { positions: 0, frames: 0, channels: 0, depth: 0 };
        for (axis, count) in self.0.iter().rev() {
            *place.of(*axis) = number % count;
            number /= count;
        }
        place
    }
}

/// The text of `--axes`: letters, some with counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axes {
    text: String,
    axes: Vec<(Axis, Option<usize>)>,
}

impl Axes {
    pub(super) fn parse(text: &str) -> Result<Axes, StackError> {
        let fault = |why: String| StackError::Axes { axes: text.to_owned(), why };
        let body = text.trim();
        // Rows and columns are in every plane: they may be written, and say nothing.
        let body = body.strip_suffix("YX").or_else(|| body.strip_suffix("yx")).unwrap_or(body);
        let mut axes: Vec<(Axis, Option<usize>)> = Vec::new();
        let mut rest = body;
        while let Some(letter) = rest.chars().next() {
            let axis = Axis::from_letter(letter).ok_or_else(|| fault(format!("{letter:?} is no axis")))?;
            if axes.iter().any(|(known, _)| *known == axis) {
                return Err(fault(format!("{letter:?} is there twice")));
            }
            rest = &rest[letter.len_utf8()..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let count = match &rest[..digits] {
                "" => None,
                digits => match digits.parse() {
                    Ok(0) | Err(_) => return Err(fault(format!("{digits} is no count"))),
                    Ok(count) => Some(count),
                },
            };
            axes.push((axis, count));
            rest = &rest[digits..];
        }
        if axes.is_empty() {
            return Err(fault("it has no letter".to_owned()));
        }
        Ok(Axes { text: text.to_owned(), axes })
    }

    /// The order of `pages` planes; counts that are not written come from `known`, or from what is left over.
    pub(super) fn order(&self, pages: usize, known: Option<Counts>) -> Result<Order, StackError> {
        let fault = |why: String| Err(StackError::Axes { axes: self.text.clone(), why });
        let mut order = self.axes.clone();
        if order.iter().filter(|(_, count)| count.is_none()).count() > 1
            && let Some(mut known) = known
        {
            for (axis, count) in &mut order {
                *count = count.or(Some(*known.of(*axis)));
            }
        }
        let given =
            order.iter().try_fold(1usize, |product, (_, count)| product.checked_mul(count.unwrap_or(1)));
        let Some(given) = given.filter(|given| *given <= pages) else {
            return fault(format!("they need more planes than the {pages} that are there"));
        };
        match order.iter_mut().filter(|(_, count)| count.is_none()).collect::<Vec<_>>().as_mut_slice() {
            [] if given == pages => {}
            [(_, count)] if pages.is_multiple_of(given) => *count = Some(pages / given),
            [] => return fault(format!("they make {given} planes, and {pages} are there")),
            [_] => return fault(format!("{pages} planes cannot be divided by {given}")),
            _ => return fault(format!("{pages} planes can be divided in several ways: write the counts")),
        }
        Ok(Order::new(order.into_iter().map(|(axis, count)| (axis, count.unwrap_or(1)))))
    }
}
