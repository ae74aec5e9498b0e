//! Opening a runtime and reading models for it.

use std::path::Path;
#[cfg(feature = "litert")]
use std::path::PathBuf;
use std::sync::Arc;

use ocellus_text::{self as text, sha256};

use super::file::ModelFile;
use super::metadata::Metadata;
use super::model::{Loaded, Model, Parsed};
use super::stub::{StubError, StubModel};
use super::{EngineError, ModelSource, RuntimeSettings};

/// An open runtime. Models keep what they need of it alive, so it may be dropped before them.
#[derive(Clone, Debug)]
pub struct Runtime {
    kind: RuntimeKind,
}

#[derive(Clone, Debug)]
enum RuntimeKind {
    Stub,
    #[cfg(feature = "litert")]
    LiteRt(super::litert::Library),
    #[cfg(feature = "tflitec")]
    TfLiteC,
}

/// The runtimes of this build, for messages.
fn available() -> String {
    let mut kinds = vec!["stub"];
    if cfg!(feature = "litert") {
        kinds.insert(0, "litert");
    }
    if cfg!(feature = "tflitec") {
        kinds.insert(0, "tflitec");
    }
    kinds.join(", ")
}

impl Runtime {
    /// Opens the runtime that `[runtime] kind` names. `litert` looks for its library in the configuration,
    /// then in `OCELLUS_RUNTIME_LIB`, then in `.runtime/` of the working directory and of the executable's
    /// folders, then where systems keep it.
    ///
    /// # Errors
    /// [`EngineError::UnknownRuntime`], or [`EngineError::NoLibrary`] (naming every place looked at).
    pub fn open(settings: &RuntimeSettings) -> Result<Runtime, EngineError> {
        let kind = match settings.kind.as_str() {
            "stub" => RuntimeKind::Stub,
            #[cfg(feature = "litert")]
            "litert" => RuntimeKind::LiteRt(open_litert(settings.library.as_deref())?),
            #[cfg(feature = "tflitec")]
            "tflitec" => RuntimeKind::TfLiteC,
            kind => {
                return Err(EngineError::UnknownRuntime { kind: kind.into(), available: available() });
            }
        };
        Ok(Runtime { kind })
    }

    /// The runtime's name and, where it has one, its library: for status and logs.
    pub fn describe(&self) -> String {
        match &self.kind {
            RuntimeKind::Stub => "stub".into(),
            #[cfg(feature = "litert")]
            RuntimeKind::LiteRt(library) => library.describe(),
            #[cfg(feature = "tflitec")]
            RuntimeKind::TfLiteC => "tflitec".into(),
        }
    }

    /// Reads and checks a model: digest, structure, tensors and labels against its card. Nothing is compiled
    /// yet; [`Model::session`] does that, and is where the runtime itself may still refuse an operator.
    ///
    /// # Errors
    /// Any of [`EngineError`]'s variants about models.
    pub fn load<'a>(&self, source: impl Into<ModelSource<'a>>) -> Result<Arc<Model>, EngineError> {
        let source = source.into();
        let (model, path) = (source.name.to_owned(), source.path.to_owned());
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(EngineError::Read { model, path, source }),
        };
        let sha256 = pinned(source, &bytes)?;
        if matches!(self.kind, RuntimeKind::Stub) && is_stub(&path) {
            return stub(source, bytes, sha256).map(Arc::new);
        }
        let read = |bytes: &[u8]| {
            let file = ModelFile::parse(bytes)?;
            let metadata = Metadata::read(file.metadata.as_deref(), bytes)?;
            Ok((file, metadata))
        };
        let (file, metadata) = read(&bytes).map_err(|source| EngineError::File { model, path, source })?;
        let (inputs, outputs) = (file.inputs.clone(), file.outputs.clone());
        let file = Arc::new(file);
        let loaded = self.keep(source, bytes, &file)?;
        let parsed = Parsed { inputs, outputs, file: Some(file), metadata, sha256 };
        Ok(Arc::new(Model::new(source, parsed, loaded)?))
    }

    /// Hands the checked bytes to the runtime.
    #[cfg_attr(
        not(feature = "litert"),
        allow(unused_variables, reason = "no other runtime refuses bytes here")
    )]
    fn keep(
        &self,
        source: ModelSource<'_>,
        bytes: Vec<u8>,
        file: &Arc<ModelFile>,
    ) -> Result<Loaded, EngineError> {
        match &self.kind {
            RuntimeKind::Stub => {
                let zeros = StubModel::zeros(file.inputs.clone(), file.outputs.clone());
                Ok(Loaded::Stub(Arc::new(zeros), bytes))
            }
            #[cfg(feature = "litert")]
            RuntimeKind::LiteRt(library) => library.keep(bytes).map_err(|cause| EngineError::Compile {
                model: source.name.into(),
                path: source.path.into(),
                cause,
                operators: String::new(),
            }),
            #[cfg(feature = "tflitec")]
            RuntimeKind::TfLiteC => Ok(Loaded::TfLiteC(Arc::new(bytes))),
        }
    }
}

/// Files of the stub runtime are recognised by their name: `NAME.stub`.
fn is_stub(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "stub")
}

/// Compares the digest of `bytes` with the card's, and returns it; `None` where the card has none.
fn pinned(source: ModelSource<'_>, bytes: &[u8]) -> Result<Option<String>, EngineError> {
    let Some(expected) = source.card.sha256.clone() else { return Ok(None) };
    let actual = sha256(bytes);
    if expected.eq_ignore_ascii_case(&actual) {
        return Ok(Some(actual));
    }
    Err(EngineError::Digest { model: source.name.into(), path: source.path.into(), expected, actual })
}

fn stub(source: ModelSource<'_>, bytes: Vec<u8>, sha256: Option<String>) -> Result<Model, EngineError> {
    let text = text::decode(&bytes).map_err(|fault| StubError::Toml(format!("{fault}; {}", fault.remedy())));
    let stub = text.and_then(|text| StubModel::parse(&text)).map_err(|fault| EngineError::Stub {
        model: source.name.into(),
        path: source.path.into(),
        source: fault,
    })?;
    let (inputs, outputs) = (stub.inputs.clone(), stub.outputs.clone());
    let parsed = Parsed { inputs, outputs, file: None, metadata: Metadata::default(), sha256 };
    Model::new(source, parsed, Loaded::Stub(Arc::new(stub), bytes))
}

/// The paths where the library may be, in order of preference. A configured path is the only one.
#[cfg(feature = "litert")]
fn places(asked: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = asked {
        return vec![path.into()];
    }
    if let Some(path) = std::env::var_os("OCELLUS_RUNTIME_LIB") {
        return vec![path.into()];
    }
    let mut places = vec![PathBuf::from(".runtime/libLiteRt.so")];
    if let Ok(executable) = std::env::current_exe() {
        // `target/release/ocellus` and `target/debug/deps/test` both lie below the checkout.
        places.extend(executable.ancestors().skip(1).take(4).map(|dir| dir.join(".runtime/libLiteRt.so")));
    }
    for folder in ["/usr/lib/ocellus", "/usr/local/lib/ocellus", "/usr/lib", "/usr/local/lib"] {
        for name in ["libLiteRt.so", "libtensorflowlite_c.so", "libtensorflow-lite.so"] {
            places.push(Path::new(folder).join(name));
        }
    }
    places
}

#[cfg(feature = "litert")]
fn open_litert(asked: Option<&Path>) -> Result<super::litert::Library, EngineError> {
    let mut looked = Vec::new();
    for path in places(asked) {
        if !path.is_file() {
            looked.push(format!("{} (no such file)", path.display()));
            continue;
        }
        match super::litert::Library::open(&path) {
            Ok(library) => return Ok(library),
            Err(error) => looked.push(format!("{} ({error})", path.display())),
        }
    }
    Err(EngineError::NoLibrary { looked: looked.join(", ") })
}
