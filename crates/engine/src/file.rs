//! A `.tflite` file read into what the engine needs to know, and checked before any runtime sees it:
//! the runtimes trust tensor, buffer and operator indices that a damaged file may get wrong.
//!
//! Field numbers are those of TensorFlow's `schema.fbs`, version 3.

use ocellus_image::Dtype;

use super::TensorInfo;
use super::flatbuffer::{Damaged, FlatTable};
use super::flexbuffer;
use ocellus_text::Explanation;

/// Why a file is not a valid TensorFlow Lite model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum FileError {
    /// The file is of another kind.
    NotTflite,
    /// The file was cut short or altered.
    Damaged {
        /// What contradicts the format, and where in the file.
        cause: String,
    },
    /// The label file in its archive cannot be used.
    Labels {
        /// Its name in the archive.
        name: String,
        /// What is wrong with it.
        cause: String,
    },
    /// An index refers to an item that does not exist.
    Index {
        /// The part of the file that refers to it.
        what: String,
        /// The kind of item that it refers to.
        kind: &'static str,
        /// The index that it refers to.
        index: i64,
        /// How many there are.
        count: usize,
    },
    /// A constant is shorter than its tensor.
    ShortConstant {
        /// The tensor's name in the file.
        tensor: String,
        /// By its shape and type.
        needed: usize,
        /// Bytes that the file holds of it.
        found: usize,
    },
    /// An input or output has a type that no decoder reads.
    Type {
        /// The tensor's name in the file.
        tensor: String,
        /// `TensorType` in the schema.
        found: u8,
    },
    /// An input or output has a size that is not known before it runs.
    Shape {
        /// The tensor's name in the file.
        tensor: String,
    },
    /// The file has no graph, or one without inputs or outputs.
    Empty,
}

impl FileError {
    /// What is wrong inside the file, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            FileError::NotTflite => Explanation::new(
                "not a TensorFlow Lite file (bytes 4 to 7 are not \"TFL3\")",
                "check that the path names a .tflite file",
            ),
            FileError::Damaged { cause } => Explanation::new(
                format!("the file is truncated or {cause}"),
                "copy it again and compare its SHA-256",
            ),
            FileError::Labels { name, cause } => Explanation::new(
                format!("the label file {name} inside it {cause}"),
                "write labels or labels_file into the card and convert the model again without it, or with one in \
                 UTF-8",
            ),
            FileError::Index { what, kind, index, count } => Explanation::new(
                format!("damaged: {what} names {kind} {index}, but the file has {count}"),
                "copy it again",
            ),
            FileError::ShortConstant { tensor, needed, found } => Explanation::new(
                format!(
                    "the file is truncated or damaged: constant tensor {tensor} needs {needed} bytes and has {found}"
                ),
                "copy it again and compare its SHA-256",
            ),
            FileError::Type { tensor, found } => Explanation::new(
                format!("tensor {tensor} has element type {found}"),
                "inputs and outputs may be uint8, int8, int32, int64 or float32",
            ),
            FileError::Shape { tensor } => Explanation::new(
                format!("tensor {tensor} has no fixed shape"),
                "convert the model with a fixed input size",
            ),
            FileError::Empty => Explanation::new(
                "the file holds no graph with inputs and outputs",
                "name a model that was converted for inference",
            ),
        }
    }
}

impl From<Damaged> for FileError {
    fn from(cause: Damaged) -> FileError {
        FileError::Damaged { cause: cause.to_string() }
    }
}

/// One operator of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operator {
    /// The name of a custom operator.
    pub custom: Option<String>,
    /// Tensor indices; −1: none.
    pub inputs: Vec<i32>,
    /// Indices of the tensors that it writes.
    pub outputs: Vec<i32>,
    /// Options of a custom operator, a FlexBuffer.
    pub options: Vec<u8>,
}

/// What the engine knows about a model file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelFile {
    /// In the graph's order.
    pub inputs: Vec<TensorInfo>,
    /// In the graph's order.
    pub outputs: Vec<TensorInfo>,
    /// Tensor indices of `outputs`.
    pub output_index: Vec<i32>,
    /// The operators, in order of execution.
    pub operators: Vec<Operator>,
    /// Shapes of all tensors.
    pub shapes: Vec<Vec<i32>>,
    /// Bytes of the TFLite metadata, a separate FlatBuffer.
    pub metadata: Option<Vec<u8>>,
}

const CUSTOM: i32 = 32;
/// The custom operator that ends the graph of an SSD.
pub(crate) const POST_PROCESS: &str = "TFLite_Detection_PostProcess";

/// `(bytes an element, our type)` of a `TensorType`; `None` for strings and sub-byte types.
fn element(kind: u8) -> Option<(usize, Option<Dtype>)> {
    Some(match kind {
        0 => (4, Some(Dtype::F32)),
        2 => (4, Some(Dtype::I32)),
        3 => (1, Some(Dtype::U8)),
        4 => (8, Some(Dtype::I64)),
        9 => (1, Some(Dtype::I8)),
        1 | 7 => (2, None),
        6 => (1, None),
        10 | 11 | 12 | 15 => (if kind == 15 { 4 } else { 8 }, None),
        _ => return None,
    })
}

fn within(
    what: impl Fn() -> String,
    kind: &'static str,
    index: i64,
    count: usize,
) -> Result<usize, FileError> {
    match usize::try_from(index) {
        Ok(at) if at < count => Ok(at),
        _ => Err(FileError::Index { what: what(), kind, index, count }),
    }
}

impl ModelFile {
    /// Reads and checks the file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<ModelFile, FileError> {
        if bytes.get(4..8) != Some(b"TFL3") {
            return Err(FileError::NotTflite);
        }
        let model = FlatTable::root(bytes)?;
        let buffers = buffer_sizes(&model, bytes.len())?;
        let codes = operator_codes(&model)?;
        model.string(3)?;
        let graphs = model.tables(2)?;
        let graph = *graphs.first().ok_or(FileError::Empty)?;
        for other in &graphs[1..] {
            check_graph(other, &buffers, &codes)?;
        }
        let operators = check_graph(&graph, &buffers, &codes)?;
        let (tensors, inputs, outputs) = (graph.tables(0)?, graph.ints(1)?, graph.ints(2)?);
        if inputs.is_empty() || outputs.is_empty() {
            return Err(FileError::Empty);
        }
        let infos = |list: &[i32]| list.iter().map(|&i| info(&tensors[i as usize])).collect::<Result<_, _>>();
        let mut file = ModelFile {
            inputs: infos(&inputs)?,
            outputs: infos(&outputs)?,
            output_index: outputs,
            operators,
            shapes: tensors.iter().map(|t| t.ints(0)).collect::<Result<_, _>>()?,
            metadata: metadata(&model)?,
        };
        file.size_detections();
        Ok(file)
    }

    /// The detection post-processing of TensorFlow 1 sizes its outputs when it runs, by its options; the
    /// file says nothing of their shapes.
    fn size_detections(&mut self) {
        let post = |op: &&Operator| op.custom.as_deref() == Some(POST_PROCESS);
        let Some(op) = self.operators.iter().find(post) else { return };
        let option = |key| flexbuffer::integer(&op.options, key).and_then(|n| usize::try_from(n).ok());
        let Some(most) = option("max_detections").filter(|n| (1..=100_000).contains(n)) else { return };
        let rows = most * option("max_classes_per_detection").filter(|n| (1..=100).contains(n)).unwrap_or(1);
        for (place, shape) in
            [vec![1, rows, 4], vec![1, rows], vec![1, rows], vec![1]].into_iter().enumerate()
        {
            let tensor = op.outputs.get(place);
            if let Some(at) = self.output_index.iter().position(|index| Some(index) == tensor)
                && self.outputs[at].shape.is_empty()
            {
                self.outputs[at].shape = shape;
            }
        }
    }

    /// The custom operators, each once.
    pub fn custom_operators(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.operators.iter().filter_map(|op| op.custom.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Bytes of each buffer, all of which lie inside the file.
fn buffer_sizes(model: &FlatTable<'_>, file_bytes: usize) -> Result<Vec<usize>, FileError> {
    let size = |buffer: &FlatTable<'_>| -> Result<usize, FileError> {
        let (offset, size) = (buffer.ulong(1)?.unwrap_or(0), buffer.ulong(2)?.unwrap_or(0));
        if offset <= 1 {
            return Ok(buffer.ubytes(0)?.map_or(0, <[u8]>::len));
        }
        match offset.checked_add(size) {
            Some(end) if end <= file_bytes as u64 => Ok(size as usize),
            _ => {
                Err(FileError::Damaged { cause: format!("a buffer at byte {offset} leads outside the file") })
            }
        }
    };
    model.tables(4)?.iter().map(size).collect()
}

/// The custom name of each operator code, if it is a custom one.
fn operator_codes(model: &FlatTable<'_>) -> Result<Vec<Option<String>>, FileError> {
    let code = |code: &FlatTable<'_>| -> Result<Option<String>, FileError> {
        // Old files hold the code in field 0, a byte; new ones in field 3.
        let builtin = i32::from(code.byte(0)?.unwrap_or(0) as i8).max(code.uint(3)?.unwrap_or(0) as i32);
        let name = code.string(1)?.unwrap_or("without a name");
        Ok((builtin == CUSTOM).then(|| name.to_owned()))
    };
    model.tables(1)?.iter().map(code).collect()
}

/// Checks every index of one graph, and that constants are as long as their tensors.
fn check_graph(
    graph: &FlatTable<'_>,
    buffers: &[usize],
    codes: &[Option<String>],
) -> Result<Vec<Operator>, FileError> {
    let tensors = graph.tables(0)?;
    for (i, tensor) in tensors.iter().enumerate() {
        check_tensor(i, tensor, buffers)?;
    }
    for (what, list) in [("the graph's input", graph.ints(1)?), ("the graph's output", graph.ints(2)?)] {
        for index in list {
            within(|| what.into(), "tensor", i64::from(index), tensors.len())?;
        }
    }
    let mut operators = Vec::new();
    for (i, op) in graph.tables(3)?.iter().enumerate() {
        let name = || format!("operator {i}");
        let code = within(name, "operator code", i64::from(op.uint(0)?.unwrap_or(0)), codes.len())?;
        let (inputs, outputs) = (op.ints(1)?, op.ints(2)?);
        for &index in inputs.iter().filter(|&&index| index != -1).chain(&outputs) {
            within(name, "tensor", i64::from(index), tensors.len())?;
        }
        op.table(4)?;
        let options = op.ubytes(5)?.unwrap_or(&[]).to_vec();
        operators.push(Operator { custom: codes[code].clone(), inputs, outputs, options });
    }
    Ok(operators)
}

fn check_tensor(i: usize, tensor: &FlatTable<'_>, buffers: &[usize]) -> Result<(), FileError> {
    let name = || tensor.string(3).ok().flatten().map_or_else(|| format!("number {i}"), str::to_owned);
    let buffer = i64::from(tensor.uint(2)?.unwrap_or(0));
    // Buffer 0 means "no constant", and files need not hold it.
    let held = match buffer {
        0 => 0,
        _ => buffers[within(|| format!("tensor {}", name()), "buffer", buffer, buffers.len())?],
    };
    let sparse = tensor.table(6)?.is_some();
    let Some((width, _)) = element(tensor.byte(1)?.unwrap_or(0)) else { return Ok(()) };
    if held == 0 || sparse {
        return Ok(());
    }
    let needed = tensor.ints(0)?.iter().try_fold(width, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
    match needed {
        Some(needed) if needed <= held => Ok(()),
        needed => Err(FileError::ShortConstant {
            tensor: name(),
            needed: needed.unwrap_or(usize::MAX),
            found: held,
        }),
    }
}

/// The largest input or output, 1 GiB. A larger one is damaged, or would exhaust the memory of the device.
const MAX_BYTES: usize = 1 << 30;

fn info(tensor: &FlatTable<'_>) -> Result<TensorInfo, FileError> {
    let name = tensor.string(3)?.unwrap_or("without a name").to_owned();
    let kind = tensor.byte(1)?.unwrap_or(0);
    let Some((width, Some(dtype))) = element(kind) else {
        return Err(FileError::Type { tensor: name, found: kind });
    };
    let dims = tensor.ints(0)?;
    let shape: Option<Vec<usize>> =
        dims.iter().map(|&d| usize::try_from(d).ok().filter(|d| *d > 0)).collect();
    let fixed = |shape: &Vec<usize>| {
        shape.iter().try_fold(width, |n, d| n.checked_mul(*d)).is_some_and(|n| n <= MAX_BYTES)
    };
    let Some(shape) = shape.filter(fixed) else { return Err(FileError::Shape { tensor: name }) };
    let (mut scale, mut zero_point) = (0.0, 0);
    if let Some(quantization) = tensor.table(4)? {
        scale = quantization.floats(2)?.first().copied().unwrap_or(0.0);
        zero_point = quantization.first_long(3)?.unwrap_or(0) as i32;
    }
    Ok(TensorInfo { name, shape, dtype, scale, zero_point })
}

fn metadata(model: &FlatTable<'_>) -> Result<Option<Vec<u8>>, FileError> {
    for entry in model.tables(6)? {
        if entry.string(0)? == Some("TFLITE_METADATA") {
            let buffers = model.tables(4)?;
            let index = i64::from(entry.uint(1)?.unwrap_or(0));
            let at = within(|| "TFLITE_METADATA".into(), "buffer", index, buffers.len())?;
            return Ok(buffers[at].ubytes(0)?.map(<[u8]>::to_vec));
        }
    }
    Ok(None)
}
