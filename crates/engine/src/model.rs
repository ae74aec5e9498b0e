//! A model that was read, checked and found to fit its card; sessions and decoders are made from it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ocellus_text::sha256;

use crate::Label;
use crate::{ModelCard, Task};
use ocellus_image::Target;
use ocellus_text as text;

use super::batch::{self, Batched};
use super::decode::{ClassProbability, DecodePlan, Facts, Labels};
use super::error::{Misfits, word};
use super::file::ModelFile;
use super::metadata::Metadata;
use super::runs::Runs;
use super::stub::{StubModel, StubSession};
use super::{Coverage, Decode, EngineError, ModelSource, RuntimeError, Session, TensorInfo, input};

/// An external delegate that takes less than this of a model is of no use where the card says nothing: each change between
/// CPU and accelerator costs a copy.
const USUAL_COVERAGE: f32 = 0.5;

/// What each runtime keeps of a model; sessions share it.
pub(crate) enum Loaded {
    Stub(Arc<StubModel>, Vec<u8>),
    #[cfg(feature = "litert")]
    LiteRt(Arc<super::litert::LiteRtModel>),
    #[cfg(feature = "litert")]
    Classic(Arc<super::litert::ClassicModel>),
    #[cfg(feature = "tflitec")]
    TfLiteC(Arc<Vec<u8>>),
}

impl Loaded {
    /// The file's bytes, as they were read.
    fn bytes(&self) -> &[u8] {
        match self {
            Loaded::Stub(_, bytes) => bytes,
            #[cfg(feature = "litert")]
            Loaded::LiteRt(model) => model.bytes(),
            #[cfg(feature = "litert")]
            Loaded::Classic(model) => model.bytes(),
            #[cfg(feature = "tflitec")]
            Loaded::TfLiteC(bytes) => bytes,
        }
    }
}

/// What was found in a file, before it is compared with the card.
pub(crate) struct Parsed {
    pub inputs: Vec<TensorInfo>,
    pub outputs: Vec<TensorInfo>,
    pub file: Option<Arc<ModelFile>>,
    pub metadata: Metadata,
    /// Where the card pins it, so that it was computed already.
    pub sha256: Option<String>,
}

/// A checked model. Cheap to share; each worker makes its own session and decoder.
pub struct Model {
    name: String,
    path: PathBuf,
    task: Task,
    labels: Arc<[Label]>,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    /// Pictures that it takes at once.
    batch: usize,
    /// Inputs and outputs of one of them.
    slot: [Vec<TensorInfo>; 2],
    file: Option<Arc<ModelFile>>,
    input: Target,
    plan: DecodePlan,
    sha256: OnceLock<String>,
    loaded: Loaded,
    /// The library of the accelerator that takes its operators; `None` for the CPU alone.
    delegate: Option<PathBuf>,
    /// Least share of operators that the delegate must take; 0 demands nothing.
    min_coverage: f32,
    /// What the delegate took of the first session.
    coverage: OnceLock<Coverage>,
    runs: Runs,
}

impl Model {
    pub(crate) fn new(source: ModelSource<'_>, parsed: Parsed, loaded: Loaded) -> Result<Model, EngineError> {
        let card = source.card;
        let task = card.task.ok_or_else(|| EngineError::NoTask { model: source.name.into() })?;
        let misfit = |faults| EngineError::Misfit {
            model: source.name.into(),
            path: source.path.into(),
            task,
            faults,
        };
        let (batch, slot) = slots(&parsed).map_err(misfit)?;
        let (plan, input) = fit(&parsed, &slot, task, card).map_err(misfit)?;
        let mut labels = labels(source, &parsed.metadata)?;
        if let Some(one) = labels.as_mut().filter(|list| plan.is_single_mask() && list.len() == 1) {
            // A mask of one channel names what it masks; the rest is the background.
            one.insert(0, "background".into());
        }
        let labels = name_classes(labels, plan.classes(), card).map_err(misfit)?;
        let Parsed { inputs, outputs, file, .. } = parsed;
        let sha256 = parsed.sha256.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Model {
            name: source.name.into(),
            path: source.path.into(),
            task,
            labels,
            inputs,
            outputs,
            batch,
            slot,
            file,
            input,
            plan,
            sha256,
            loaded,
            delegate: source.delegate.map(Path::to_owned),
            min_coverage: card.min_coverage.unwrap_or(if source.delegate.is_some() {
                USUAL_COVERAGE
            } else {
                0.0
            }),
            coverage: OnceLock::new(),
            runs: Runs::default(),
        })
    }

    /// The name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of the model's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The task that its card names.
    pub fn task(&self) -> Task {
        self.task
    }

    /// Refuses a model whose task is not `needed`.
    ///
    /// # Errors
    /// [`EngineError::WrongTask`]
    pub fn expect_task(&self, needed: Task) -> Result<(), EngineError> {
        if self.task == needed {
            return Ok(());
        }
        Err(EngineError::WrongTask { model: self.name.clone(), task: self.task, needed })
    }

    /// Label texts in class order.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The input tensors, in the file's order.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// The output tensors, in the file's order.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// SHA-256 of the file, as hexadecimal digits. Where the card does not pin it, the first call computes it:
    /// start-up does not wait for a digest that is compared with nothing.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| sha256(self.loaded.bytes()))
    }

    /// What its external delegate took, once a session was built; `None` where the configuration names none.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.get().filter(|_| self.delegate.is_some())
    }

    /// How a picture becomes the input tensor.
    pub fn input(&self) -> Target {
        self.input
    }

    /// How many pictures it takes at once; 1 for most models.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// A session for one thread, compiled and warmed up by one run over zeros. A model that takes several pictures at
    /// once is given one.
    ///
    /// # Errors
    /// [`EngineError::Compile`] where the runtime refuses the model; it names the custom operators.
    /// [`EngineError::Coverage`] where the delegate took less of it than its card demands.
    pub fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        match self.batch {
            1 => self.open(),
            _ => Ok(Box::new(self.batched()?)),
        }
    }

    /// A session for as many pictures as the model takes at once.
    ///
    /// # Errors
    /// As [`Model::session`].
    pub fn batched(&self) -> Result<Batched, EngineError> {
        let inner = self.open()?;
        Ok(Batched::new(inner, self.batch, self.slot.clone()))
    }

    /// Why the model does not run, where one of its sessions has failed more often in a row than
    /// [`FAILED_IN_A_ROW`](super::FAILED_IN_A_ROW): a worker has built that session again by then, once.
    pub fn run_fault(&self) -> Option<String> {
        self.runs.fault()
    }

    /// A session whose runs are watched from after the warm-up on.
    fn open(&self) -> Result<Box<dyn Session>, EngineError> {
        let session = self.open_bare().map_err(|cause| self.refused(cause))?;
        let coverage = session.coverage();
        // The sessions of a model are alike.
        let coverage = self.coverage.get_or_init(|| coverage).clone();
        if !coverage.reaches(self.min_coverage) {
            let (model, path) = (self.name.clone(), self.path.clone());
            return Err(EngineError::Coverage { model, path, least: self.min_coverage, coverage });
        }
        Ok(self.runs.watch(session))
    }

    /// Every runtime runs a new session once: most lay out their tensors only then.
    fn open_bare(&self) -> Result<Box<dyn Session>, RuntimeError> {
        let delegate = self.delegate.as_deref();
        let alone = |runtime: &str| match delegate {
            None => Ok(()),
            Some(library) => {
                let cause = format!("the runtime {runtime} takes no external delegates");
                Err(RuntimeError::Delegate { library: library.to_owned(), cause: Box::new(cause.into()) })
            }
        };
        match &self.loaded {
            Loaded::Stub(model, _) => {
                alone("stub")?;
                let mut session = StubSession::new(&self.name, model.clone());
                session.run().map_err(|error| error.cause)?;
                Ok(Box::new(session))
            }
            #[cfg(feature = "litert")]
            Loaded::LiteRt(model) => {
                alone("LiteRT")?;
                Ok(Box::new(model.session(&self.name, &self.inputs, &self.outputs)?))
            }
            #[cfg(feature = "litert")]
            Loaded::Classic(model) => Ok(Box::new(super::litert::classic(
                model,
                &self.name,
                &self.inputs,
                &self.outputs,
                delegate,
            )?)),
            #[cfg(feature = "tflitec")]
            Loaded::TfLiteC(bytes) => {
                alone("tflitec")?;
                Ok(Box::new(super::tflitec::session(bytes, &self.name, &self.inputs, &self.outputs)?))
            }
        }
    }

    fn refused(&self, cause: RuntimeError) -> EngineError {
        if let RuntimeError::Delegate { .. } = cause {
            return EngineError::Delegate { model: self.name.clone(), cause };
        }
        let custom = self.file.as_ref().map_or(Vec::new(), |file| file.custom_operators());
        let operators = match custom[..] {
            [] => String::new(),
            _ => format!(" (custom operators in the file: {})", custom.join(", ")),
        };
        EngineError::Compile { model: self.name.clone(), path: self.path.clone(), cause, operators }
    }

    /// Whether its card says that the scores of a segmentation still need the logistic function.
    pub fn gives_logits(&self) -> bool {
        self.plan.gives_logits()
    }

    /// The least score of a prediction where the caller gives none, 0 to 1.
    pub fn min_score(&self) -> f32 {
        self.plan.min_score()
    }

    /// How one worker reads the probability of `class` in each pixel; `None` where the model is no segmentation, or has
    /// no such class.
    pub fn class_probability(&self, class: usize) -> Option<ClassProbability> {
        self.plan.class_probability(class).filter(|_| class < self.labels.len())
    }

    /// A decoder for one worker; `min_score` overrides the card's.
    pub fn decoder(&self, min_score: Option<f32>) -> Box<dyn Decode> {
        self.plan.decoder(Labels::new(self.labels.clone()), min_score)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({}, {}, {})", self.name, word(self.task), self.path.display())
    }
}

/// How many pictures a model takes at once, and the tensors of one of them.
fn slots(parsed: &Parsed) -> Result<(usize, [Vec<TensorInfo>; 2]), Misfits> {
    let batch = batch::batch_of(&parsed.inputs)?;
    let [inputs, outputs] = [&parsed.inputs, &parsed.outputs].map(|infos| batch::slot_of(infos, batch));
    Ok((batch, [inputs?, outputs?]))
}

/// Compares the card with the tensors; gives how to read the outputs and how to fill the input.
fn fit(
    parsed: &Parsed,
    [inputs, outputs]: &[Vec<TensorInfo>; 2],
    task: Task,
    card: &ModelCard,
) -> Result<(DecodePlan, Target), Misfits> {
    let size = match inputs[0].shape[..] {
        [_, height, width, _] => [width, height],
        _ => [0; 2],
    };
    let facts = Facts { outputs, file: parsed.file.as_deref(), size, card };
    let plan = DecodePlan::new(task, &facts);
    let (grid, mask) = plan.as_ref().map_or((false, false), |plan| (plan.is_grid(), plan.is_single_mask()));
    let input = input::target(inputs, task, grid, mask, card, &parsed.metadata);
    match (plan, input) {
        (Ok(plan), Ok(input)) => Ok((plan, input)),
        (Err(faults), Err(more)) => Err(faults.and(more)),
        (Err(faults), _) | (_, Err(faults)) => Err(faults),
    }
}

/// From the card, its labels file, or the file's own metadata.
fn labels(source: ModelSource<'_>, metadata: &Metadata) -> Result<Option<Vec<String>>, EngineError> {
    if let Some(labels) = &source.card.labels {
        return Ok(Some(labels.clone()));
    }
    let Some(file) = &source.card.labels_file else { return Ok(metadata.labels.clone()) };
    let path = source.path.parent().unwrap_or(Path::new("")).join(file);
    match text::read(&path) {
        Ok(text) => Ok(Some(text::labels(&text))),
        Err(fault) => Err(EngineError::LabelsFile { model: source.name.into(), source: fault }),
    }
}

/// More or fewer labels than classes: the fault names the key that they come from.
fn misnumbered(card: &ModelCard, labels: usize, classes: usize) -> Misfits {
    let (key, from) = match &card.labels_file {
        Some(file) if card.labels.is_none() => ("labels_file", format!("{}: ", file.display())),
        _ if card.labels.is_none() => ("labels", "the model's own metadata: ".into()),
        _ => ("labels", String::new()),
    };
    let text = format!("{from}{labels} labels, but the model has {classes} classes; write one for each");
    Misfits::of_key(key, text)
}

/// Labels as many as the model has classes; `class N` where neither card nor metadata names them.
fn name_classes(
    labels: Option<Vec<String>>,
    classes: Option<usize>,
    card: &ModelCard,
) -> Result<Arc<[Label]>, Misfits> {
    match (labels, classes) {
        // An embedding has no labels, even where the card gives some.
        (_, Some(0)) => Ok(Arc::new([])),
        (Some(labels), Some(classes)) if labels.len() != classes => {
            Err(misnumbered(card, labels.len(), classes))
        }
        (Some(labels), _) => Ok(labels.iter().map(|label| Label::from(label.as_str())).collect()),
        (None, classes) => {
            Ok((0..classes.unwrap_or(256)).map(|i| Label::from(format!("class {i}"))).collect())
        }
    }
}
