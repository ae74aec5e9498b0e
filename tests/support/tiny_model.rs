//! A segmentation model of one convolution, written byte by byte: it finds what is bright.

/// Side of its input and output, px.
pub const SIDE: usize = 64;
/// How steeply its answer goes from 0 to 1.
const GAIN: f32 = 60.0;

/// A `.tflite` file: grey [1, 64, 64, 1] from 0 to 1 in; the mean of 3 × 3 pixels through a logistic function out,
/// 0.5 where the mean is `threshold`.
pub fn bright(threshold: f32) -> Vec<u8> {
    let side = SIDE as i32;
    let tensor = |name: &str, shape: &[i32], buffer: u32| {
        table(vec![Some(ints(shape)), byte(0), uint(buffer), Some(text(name))])
    };
    let picture = [1, side, side, 1];
    let tensors = vec![
        tensor("picture", &picture, 0),
        tensor("weights", &[1, 3, 3, 1], 1),
        tensor("bias", &[1], 2),
        tensor("mean", &picture, 0),
        tensor("probability", &picture, 0),
    ];
    // Padding SAME, strides of 1, no activation.
    let convolution = table(vec![byte(0), uint(1), uint(1), byte(0), uint(1), uint(1)]);
    let operators = vec![
        table(vec![uint(0), Some(ints(&[0, 1, 2])), Some(ints(&[3])), byte(1), Some(convolution)]),
        table(vec![uint(1), Some(ints(&[3])), Some(ints(&[4]))]),
    ];
    let graph = table(vec![
        Some(Node::Vector(tensors)),
        Some(ints(&[0])),
        Some(ints(&[4])),
        Some(Node::Vector(operators)),
        Some(text("main")),
    ]);
    let buffer = |values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        table(vec![Some(Node::Bytes(bytes.len() as u32, bytes))])
    };
    // CONV_2D is 3 and LOGISTIC 14 in TensorFlow's schema.fbs.
    let code = |number: u8| table(vec![byte(number), None, uint(1), uint(u32::from(number))]);
    let model = table(vec![
        uint(3),
        Some(Node::Vector(vec![code(3), code(14)])),
        Some(Node::Vector(vec![graph])),
        Some(text("finds what is bright")),
        Some(Node::Vector(vec![table(vec![]), buffer(&[GAIN / 9.0; 9]), buffer(&[-GAIN * threshold])])),
    ]);
    let mut file = b"\0\0\0\0TFL3".to_vec();
    let root = model.write(&mut file);
    file[..4].copy_from_slice(&(root as u32).to_le_bytes());
    file
}

/// A part of a FlatBuffer (<https://flatbuffers.dev/internals/>).
enum Node {
    /// Fields by their numbers; what is absent has its default.
    Table(Vec<Option<Node>>),
    Vector(Vec<Node>),
    /// A vector or text of so many elements, with its bytes.
    Bytes(u32, Vec<u8>),
    /// A number that lies in the table itself.
    Scalar(Vec<u8>),
}

fn table(fields: Vec<Option<Node>>) -> Node {
    Node::Table(fields)
}

fn byte(value: u8) -> Option<Node> {
    Some(Node::Scalar(vec![value]))
}

fn uint(value: u32) -> Option<Node> {
    Some(Node::Scalar(value.to_le_bytes().to_vec()))
}

fn ints(values: &[i32]) -> Node {
    Node::Bytes(values.len() as u32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn text(value: &str) -> Node {
    // A zero that does not count ends each text.
    Node::Bytes(value.len() as u32, [value.as_bytes(), &[0]].concat())
}

fn pad(file: &mut Vec<u8>, to: usize, before: usize) {
    while !(file.len() + before).is_multiple_of(to) {
        file.push(0);
    }
}

impl Node {
    /// Appends itself, then everything that it leads to. Returns where it lies.
    fn write(&self, file: &mut Vec<u8>) -> usize {
        match self {
            Node::Table(fields) => write_table(fields, file),
            Node::Vector(items) => {
                pad(file, 4, 0);
                let at = file.len();
                file.extend((items.len() as u32).to_le_bytes());
                file.resize(at + 4 + 4 * items.len(), 0);
                for (number, item) in items.iter().enumerate() {
                    lead(file, at + 4 + 4 * number, item);
                }
                at
            }
            Node::Bytes(count, bytes) => {
                // Constants of a model begin at a multiple of 16.
                pad(file, 16, 4);
                let at = file.len();
                file.extend(count.to_le_bytes());
                file.extend(bytes);
                at
            }
            Node::Scalar(_) => unreachable!("it lies in its table"),
        }
    }
}

/// Writes `item` at the end, and its distance at `from`.
fn lead(file: &mut Vec<u8>, from: usize, item: &Node) {
    let to = item.write(file);
    file[from..from + 4].copy_from_slice(&((to - from) as u32).to_le_bytes());
}

fn write_table(fields: &[Option<Node>], file: &mut Vec<u8>) -> usize {
    let mut size = 4usize;
    let mut offsets = Vec::new();
    for field in fields {
        let bytes = match field {
            None => 0,
            Some(Node::Scalar(value)) => value.len(),
            Some(_) => 4,
        };
        if bytes == 4 {
            size = size.next_multiple_of(4);
        }
        offsets.push(if bytes == 0 { 0 } else { size as u16 });
        size += bytes;
    }
    let size = size.next_multiple_of(4);
    let list = 4 + 2 * fields.len();
    pad(file, 4, list);
    for number in [list as u16, size as u16].into_iter().chain(offsets.iter().copied()) {
        file.extend(number.to_le_bytes());
    }
    let at = file.len();
    file.extend((list as i32).to_le_bytes());
    file.resize(at + size, 0);
    for (field, offset) in fields.iter().zip(offsets) {
        let place = at + usize::from(offset);
        match field {
            None => {}
            Some(Node::Scalar(value)) => file[place..place + value.len()].copy_from_slice(value),
            Some(node) => lead(file, place, node),
        }
    }
    at
}
