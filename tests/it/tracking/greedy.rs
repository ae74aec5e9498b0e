//! The yardstick: the association that Ocellus had before. Greedy by IoU between the frame's detections and where each
//! track is expected (constant velocity a processed frame), best pair first (Bochinski et al., AVSS 2017).

use ocellus::config::TrackConfig;
use ocellus::types::{Finding, Rect, Report};

const VELOCITY_GAIN: f32 = 0.5;

struct Followed {
    id: u64,
    class: u16,
    rect: Rect,
    velocity: (f32, f32),
    hits: u32,
    missed: u32,
    reported: bool,
}

impl Followed {
    fn predicted(&self) -> Rect {
        let steps = (self.missed + 1) as f32;
        let (x, y) = (self.rect.x + self.velocity.0 * steps, self.rect.y + self.velocity.1 * steps);
        Rect { x, y, ..self.rect }
    }

    fn seen(&mut self, rect: Rect) {
        let steps = (self.missed + 1) as f32;
        let step = ((rect.x - self.rect.x) / steps, (rect.y - self.rect.y) / steps);
        let gain = if self.hits == 1 { 1.0 } else { VELOCITY_GAIN };
        self.velocity.0 += (step.0 - self.velocity.0) * gain;
        self.velocity.1 += (step.1 - self.velocity.1) * gain;
        self.rect = rect;
        self.hits += 1;
        self.missed = 0;
    }
}

pub struct Greedy {
    settings: TrackConfig,
    min_score: f32,
    tracks: Vec<Followed>,
    next_id: u64,
}

impl Greedy {
    /// Findings below `min_score` never come to it.
    pub fn new(settings: TrackConfig, min_score: f32) -> Greedy {
        Greedy { settings, min_score, tracks: Vec::new(), next_id: 0 }
    }

    /// Writes the track's number into the findings, from the frame on in which the track is believed.
    pub fn update(&mut self, report: &mut Report) {
        report.findings.retain(|finding| finding.score >= self.min_score);
        let mut taken = vec![false; report.findings.len()];
        let mut pairs = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            for (f, finding) in report.findings.iter().enumerate() {
                let same = finding.rect().filter(|_| finding.class == track.class);
                let iou = same.map_or(0.0, |rect| rect.iou(track.predicted()));
                if iou >= self.settings.iou {
                    pairs.push((iou, t, f));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.tracks.iter_mut().for_each(|track| track.missed += 1);
        for (_, t, f) in pairs {
            let track = &mut self.tracks[t];
            if track.missed == 0 || std::mem::replace(&mut taken[f], true) {
                continue;
            }
            track.missed -= 1;
            track.seen(report.findings[f].rect().unwrap());
            track.tell(&self.settings, &mut report.findings[f]);
        }
        for (finding, _) in report.findings.iter_mut().zip(taken).filter(|(_, taken)| !taken) {
            let (id, rect, class) = (self.next_id, finding.rect().unwrap(), finding.class);
            let mut track =
                Followed { id, class, rect, velocity: (0.0, 0.0), hits: 1, missed: 0, reported: false };
            track.tell(&self.settings, finding);
            self.tracks.push(track);
            self.next_id += 1;
        }
        let gap = self.settings.max_gap;
        self.tracks.retain(|track| track.missed <= if track.reported { gap } else { 0 });
    }
}

impl Followed {
    fn tell(&mut self, settings: &TrackConfig, finding: &mut Finding) {
        self.reported |= self.hits >= settings.min_frames;
        finding.track = self.reported.then_some(self.id);
    }
}
