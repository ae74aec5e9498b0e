//! Reuses reports, so that none is allocated once the pool is warm.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::types::{Frame, Label, Report};

/// The reports of one lane that are not in use.
pub(super) struct ReportPool {
    camera: Label,
    free: Mutex<Vec<Arc<Report>>>,
}

impl ReportPool {
    /// A pool for the `window` frames under way and the reports that sinks usually hold. It grows where a
    /// sink holds more; that memory is reserved now, but touched only then.
    pub(super) fn new(camera: Label, window: usize) -> ReportPool {
        let mut free = Vec::with_capacity(window * 8);
        free.extend((0..window * 4).map(|_| Arc::new(Report::new(camera.clone()))));
        ReportPool { camera, free: Mutex::new(free) }
    }

    /// A cleared report for `frame`: one that no sink holds any more, or a new one. The pool never shrinks.
    pub(super) fn blank(&self, frame: &Frame) -> Arc<Report> {
        let mut pool = self.free.lock();
        let free = pool.iter_mut().position(|report| Arc::get_mut(report).is_some());
        let mut report = match free {
            Some(at) => pool.swap_remove(at),
            None => Arc::new(Report::new(self.camera.clone())),
        };
        if let Some(report) = Arc::get_mut(&mut report) {
            report.clear();
            report.frame_seq = frame.seq;
            report.captured = frame.captured;
            report.pts_ns = frame.pts_ns;
            report.file.clone_from(&frame.file);
            report.experiment.clone_from(&frame.experiment);
            report.width = frame.width as u32;
            report.height = frame.height as u32;
        }
        report
    }

    pub(super) fn give_back(&self, report: Arc<Report>) {
        self.free.lock().push(report);
    }
}
