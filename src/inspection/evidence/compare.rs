//! Compares a recorded inspection with its replay, bit for bit.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::document::Document;
use super::open::OpenedEvidence;
use super::results::{KeptPose, KeptRoi};
use crate::types::Inspection;

/// One value that differs between the record and the replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultDifference {
    /// The value that differs, such as `verdict`, `pose` or `roi "hole" score`.
    pub place: String,
    /// The recorded value, in its debug form.
    pub recorded: String,
    /// The value that the replay gave, in its debug form.
    pub replayed: String,
}

/// Every difference between `recorded` and `replayed`: verdicts, causes, pose, scores, thresholds, texts and
/// boxes by their bits. Times and the acquisition's own data (number, trigger) are not compared.
pub fn compare(recorded: &Document, replayed: &Inspection) -> Vec<ResultDifference> {
    let mut found = Differences(Vec::new());
    let cause = replayed.cause.as_deref().map(str::to_owned);
    found.hold("product", &*recorded.product, &*replayed.product);
    found.hold("recipe revision", &recorded.recipe_revision, &replayed.recipe_revision);
    found.hold("golden revision", &recorded.golden_revision, &replayed.golden_revision);
    found.hold("verdict", &*recorded.verdict, replayed.outcome.as_str());
    found.hold("cause", &recorded.cause, &cause);
    found.hold("pose", &recorded.pose, &replayed.pose.map(KeptPose::from));
    let rois: Vec<KeptRoi> = replayed.rois.iter().map(KeptRoi::from).collect();
    found.hold("number of ROIs", &recorded.rois.len(), &rois.len());
    for (recorded, replayed) in recorded.rois.iter().zip(&rois) {
        found.roi(recorded, replayed);
    }
    found.0
}

struct Differences(Vec<ResultDifference>);

impl Differences {
    fn hold<T: PartialEq + fmt::Debug + ?Sized>(
        &mut self,
        place: impl Into<String>,
        recorded: &T,
        replayed: &T,
    ) {
        if recorded != replayed {
            let (recorded, replayed) = (format!("{recorded:?}"), format!("{replayed:?}"));
            self.0.push(ResultDifference { place: place.into(), recorded, replayed });
        }
    }

    fn roi(&mut self, recorded: &KeptRoi, replayed: &KeptRoi) {
        let at = |what: &str| format!("roi \"{}\" {what}", recorded.name);
        self.hold(at("name"), &recorded.name, &replayed.name);
        self.hold(at("kind"), &recorded.kind, &replayed.kind);
        self.hold(at("verdict"), &recorded.verdict, &replayed.verdict);
        self.hold(at("score"), &recorded.score, &replayed.score);
        self.hold(at("threshold"), &recorded.threshold, &replayed.threshold);
        self.hold(at("unit"), &recorded.unit, &replayed.unit);
        self.hold(at("text"), &recorded.text, &replayed.text);
        self.hold(at("error"), &recorded.error, &replayed.error);
        self.hold(at("number of boxes"), &recorded.boxes.len(), &replayed.boxes.len());
        for (index, (recorded, replayed)) in recorded.boxes.iter().zip(&replayed.boxes).enumerate() {
            self.hold(at(&format!("box {index}")), recorded, replayed);
        }
    }
}

/// The outcome of a replay, for people (`Display`) and for programs (`Serialize`).
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The evidence folder that was replayed.
    pub evidence: PathBuf,
    /// The number of the recorded acquisition.
    pub acquisition: u64,
    /// The name of the product.
    pub product: String,
    /// The verdict that was recorded.
    pub recorded: String,
    /// The verdict that the replay gave.
    pub replayed: String,
    /// How many ROIs were replayed.
    pub rois: usize,
    /// Whether nothing differs, bit for bit.
    pub identical: bool,
    /// Every value that differs, in the order of the document.
    pub differences: Vec<ResultDifference>,
}

impl Replay {
    /// Compares `replayed` with the results that were recorded.
    pub fn new(opened: &OpenedEvidence, replayed: &Inspection) -> Replay {
        let differences = compare(&opened.document, replayed);
        Replay {
            evidence: opened.path.clone(),
            acquisition: opened.document.acquisition,
            product: opened.document.product.clone(),
            recorded: opened.document.verdict.clone(),
            replayed: replayed.outcome.as_str().to_owned(),
            rois: replayed.rois.len(),
            identical: differences.is_empty(),
            differences,
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Replay { acquisition, product, recorded, replayed, rois, .. } = self;
        writeln!(out, "{}", self.evidence.display())?;
        writeln!(out, "acquisition {acquisition} of {product}: recorded {recorded}, replayed {replayed}")?;
        if self.identical {
            return write!(out, "the same bit for bit: {rois} ROIs");
        }
        write!(out, "{} differences:", self.differences.len())?;
        for ResultDifference { place, recorded, replayed } in &self.differences {
            write!(out, "\n  {place}: recorded {recorded}, replayed {replayed}")?;
        }
        Ok(())
    }
}
