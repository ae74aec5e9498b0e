//! Publishes the service's own state over MQTT and to the page.

use tokio::sync::oneshot;

use crate::contract::rest::AlarmOut;
use crate::contract::{self, BatchProgress, IntakeOut, JobOut, Payload, Telemetry, topic};
use crate::intake::Way;
use crate::mqtt::Mqtt;
use crate::types::{Alarms, Clock, Delivered, Explanation, RecordingNotice, SystemClock};
use crate::web::Web;

/// Publishes each state to MQTT and to the page. Clones share both.
#[derive(Clone)]
pub(super) struct StatusPublisher {
    pub(super) mqtt: Mqtt,
    web: Web,
}

impl StatusPublisher {
    pub(super) fn new(mqtt: &Mqtt, web: &Web) -> StatusPublisher {
        StatusPublisher { mqtt: mqtt.clone(), web: web.clone() }
    }

    /// Sets the retained state of `suffix`.
    pub(super) fn retain(&self, suffix: &str, body: &impl Payload) {
        self.mqtt.retain(suffix, body);
        self.web.retain(suffix, body);
    }

    /// Clears the retained state of `suffix`.
    pub(super) fn clear(&self, suffix: &str) {
        self.mqtt.clear(suffix);
        self.web.clear(suffix);
    }

    /// Raises an alarm, or updates why it is raised.
    pub(super) fn alarm(&self, name: &str, why: &Explanation) {
        self.mqtt.alarm(name, why);
        self.tell_alarms();
    }

    /// Why the alarm is raised, if it is.
    pub(super) fn why(&self, name: &str) -> Option<Explanation> {
        self.mqtt.alarms().into_iter().find(|alarm| alarm.name == name).map(|alarm| alarm.why)
    }

    /// Clears the alarm `name` and publishes the list.
    pub(super) fn clear_alarm(&self, name: &str) {
        self.mqtt.clear_alarm(name);
        self.tell_alarms();
    }

    /// Raises the alarm while there is a cause, and clears it otherwise.
    pub(super) fn alarm_while(&self, name: &str, why: Option<&Explanation>) {
        match why {
            Some(why) => self.alarm(name, why),
            None => self.clear_alarm(name),
        }
    }

    /// Sends the page all raised alarms, including those that the MQTT side raises itself.
    pub(super) fn tell_alarms(&self) {
        let raised = self.mqtt.raised().into_iter();
        self.web.alarms(raised.map(AlarmOut::from).collect());
    }

    /// Publishes how far a run is. If its state has changed, `batch/status` keeps it for those who subscribe later.
    pub(super) fn batch(&self, progress: &BatchProgress, changed: bool) {
        let suffix = topic::batch_progress(&progress.id);
        self.mqtt.figures(&suffix, progress);
        self.web.batch(&suffix, progress);
        if changed {
            self.mqtt.retain(topic::BATCH_STATUS, progress);
        }
    }

    /// Publishes that a job has changed or goes on. Its end is published apart: see [`StatusPublisher::job_end`].
    pub(super) fn job(&self, job: &JobOut) {
        if job.state.is_over() {
            return self.web.job(&topic::job(job.id), job);
        }
        self.mqtt.figures(topic::JOBS_PROGRESS, job);
        self.web.job(topic::JOBS_PROGRESS, job);
    }

    /// Sends the end of a job to the broker with QoS 1, on `topic` or on that of its number, if one is connected now; the
    /// receiver learns what became of it.
    pub(super) fn job_end(&self, job: &JobOut, topic: Option<String>) -> oneshot::Receiver<Delivered> {
        let topic = topic.unwrap_or_else(|| self.mqtt.topics().full(&topic::job(job.id)));
        // A job that was tried again ends again, with more attempts behind it.
        let seq = job.attempts.len().max(1) as u64;
        let mut out = Vec::with_capacity(1024);
        contract::write(seq, SystemClock.now().wall_ns, job, &mut out);
        self.mqtt.deliver(&topic, &out, false)
    }

    /// Publishes the values of a source of telemetry.
    pub(super) fn intake(&self, way: Way, body: &IntakeOut) {
        let suffix = topic::intake(&body.source);
        match way {
            Way::Live => self.web.intake(&suffix, body),
            Way::Mqtt => self.mqtt.figures(&suffix, body),
        }
    }

    /// Announces something about recordings, to be kept until the broker has it.
    pub(super) fn recording(&self, notice: RecordingNotice) {
        self.web.recording(&notice);
        self.mqtt.recording(notice);
    }

    /// Publishes the service's figures to MQTT and the web.
    pub(super) fn telemetry(&self, body: &Telemetry) {
        self.mqtt.telemetry(body);
        self.web.telemetry(body);
    }
}

impl Alarms for StatusPublisher {
    fn raise(&self, name: &str, why: &Explanation) {
        self.alarm(name, why);
    }

    fn clear(&self, name: &str) {
        self.clear_alarm(name);
    }
}
