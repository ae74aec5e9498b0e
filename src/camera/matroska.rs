//! Reads what Matroska stores beside its frames (RFC 8794 for elements, RFC 9559 for their meaning).

/// Bytes at the start of a file that are read: the tracks come before the first frame.
pub(super) const HEAD: u64 = 1 << 20;

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK: u32 = 0xAE;
const VIDEO: u32 = 0xE0;
const PROJECTION: u32 = 0x7670;
const POSE: [u32; 3] = [0x7673, 0x7674, 0x7675];

/// The variable-size integer at `at`, with `None` for the value "unknown"; and the position after it.
pub(super) fn vint(bytes: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let first = *bytes.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    let rest = bytes.get(at + 1..at + length).filter(|_| length <= 8)?;
    let mask = if length == 8 { 0 } else { 0xFF >> length };
    let value = rest.iter().fold(u64::from(first & mask), |n, byte| n << 8 | u64::from(*byte));
    let unknown = value == (1 << (7 * length)) - 1;
    Some(((!unknown).then_some(value), at + length))
}

/// How `videoflip` must turn the first video track: its projection's roll turns the frame counter-clockwise.
/// `None`: it is upright, or its pose is not a quarter turn around the line of sight.
pub(super) fn turn(head: &[u8]) -> Option<&'static str> {
    let segment = children(head).find(|(id, _)| *id == SEGMENT)?.1;
    let tracks = children(segment).find(|(id, _)| *id == TRACKS)?.1;
    let mut videos =
        children(tracks).filter(|(id, _)| *id == TRACK).filter_map(|(_, track)| within(track, VIDEO));
    let projection = within(videos.next()?, PROJECTION)?;
    let [yaw, pitch, roll] = POSE.map(|id| within(projection, id).and_then(float).unwrap_or(0.0));
    if yaw != 0.0 || pitch != 0.0 {
        return None;
    }
    match roll {
        roll if (roll - 90.0).abs() < 1.0 => Some("90l"),
        roll if (roll + 90.0).abs() < 1.0 => Some("90r"),
        roll if (roll.abs() - 180.0).abs() < 1.0 => Some("180"),
        _ => None,
    }
}

fn within(master: &[u8], wanted: u32) -> Option<&[u8]> {
    children(master).find(|(id, _)| *id == wanted).map(|(_, body)| body)
}

fn float(body: &[u8]) -> Option<f64> {
    match body.len() {
        4 => body.try_into().ok().map(f32::from_be_bytes).map(f64::from),
        8 => body.try_into().ok().map(f64::from_be_bytes),
        _ => None,
    }
}

/// The elements of `bytes` as id and body; the last body may be incomplete.
fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = bytes.get(at)?.leading_zeros() as usize + 1;
        let id = bytes.get(at..at + length).filter(|_| length <= 4)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let (size, body) = vint(bytes, at + length)?;
        let end =
            size.map_or(bytes.len(), |size| body.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
        at = end.min(bytes.len());
        Some((id, &bytes[body.min(at)..at]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        let size = (body.len() as u64 | 1 << 56).to_be_bytes();
        [id, &size, body].concat()
    }

    fn file(pose: &[u8]) -> Vec<u8> {
        let projection = element(&[0x76, 0x70], pose);
        let video = element(&[0xE0], &[element(&[0xB0], &[1, 64]), projection].concat());
        let sound = element(&[0xAE], &element(&[0xE1], &[0]));
        let track = element(&[0xAE], &[element(&[0xD7], &[1]), video].concat());
        let tracks = element(&[0x16, 0x54, 0xAE, 0x6B], &[sound, track].concat());
        let ebml = element(&[0x1A, 0x45, 0xDF, 0xA3], &[0; 5]);
        // A segment of unknown size, as in a stream.
        [ebml, vec![0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255], tracks].concat()
    }

    fn pose(id: u8, degrees: f32) -> Vec<u8> {
        element(&[0x76, id], &degrees.to_be_bytes())
    }

    #[test]
    fn the_roll_of_a_projection_is_a_turn_against_the_clock() {
        assert_eq!(turn(&file(&pose(0x75, 90.0))), Some("90l"));
        assert_eq!(turn(&file(&element(&[0x76, 0x75], &(-90f64).to_be_bytes()))), Some("90r"));
        assert_eq!(turn(&file(&pose(0x75, 180.0))), Some("180"));
        assert_eq!(turn(&file(&pose(0x75, 12.0))), None);
        assert_eq!(turn(&file(&[pose(0x73, 30.0), pose(0x75, 90.0)].concat())), None, "a look aside");
        assert_eq!(turn(&file(&[])), None);
    }

    #[test]
    fn what_is_cut_off_or_nonsense_says_nothing() {
        let whole = file(&pose(0x75, 90.0));
        for cut in 0..whole.len() {
            let _ = turn(&whole[..cut]);
        }
        assert_eq!(turn(&[0; 100]), None);
        assert_eq!(turn(&[0xFF; 100]), None);
    }
}
