//! Attendance as a component of the service, and the answer to the `attendance` command.

use std::sync::Arc;

use super::{App, lock};
use crate::attendance::{Around, day};
use crate::camera::Health;
use crate::commands::attendance::AttendanceCommand;
use crate::contract::Day;
use crate::mqtt::Mqtt;
use crate::supervisor::Unit;
use crate::types::{Clock, PersonId, Refusal, SightingSink, SystemClock};

impl App {
    /// Where the recognition of each camera reports its sightings.
    pub(super) fn sightings(&self) -> Arc<dyn SightingSink> {
        self.attendance.sightings()
    }

    /// The unit that runs the attendance worker. Not essential: without a disk the service runs on and
    /// reports the fault.
    pub(super) fn attendance_unit(self: &Arc<App>) -> Unit {
        let app = self.clone();
        Unit::new("attendance", move |context| {
            let alarm = |name: &str, cause: Option<&str>| match cause {
                Some(cause) => app.publisher.alarm(name, cause),
                None => app.publisher.clear_alarm(name),
            };
            let around = Around {
                store: &app.store,
                sinks: &app.sinks,
                durable: &app.mqtt,
                kept: &Mqtt::attendance_kept,
                clock: &SystemClock,
                synchronised: &crate::telemetry::synchronised,
                looks: &|camera| app.looks(camera),
                alarm: &alarm,
            };
            app.attendance.run(&around, &context.stop, &context.beat);
            Ok(())
        })
    }

    /// Whether a camera delivers frames. A camera that was removed or has ended counts as looking, because it
    /// can never see anybody again.
    fn looks(&self, name: &str) -> bool {
        let cameras = lock(&self.cameras);
        let camera = cameras.iter().find(|camera| camera.settings.name == name);
        camera.is_none_or(|camera| matches!(&*lock(&camera.health), Health::Online { .. } | Health::Ended))
    }

    pub(super) fn attendance_command(&self, asked: &AttendanceCommand) -> Result<Day, Refusal> {
        let AttendanceCommand::Day(request) = asked;
        let settings = self.config().attendance.clone();
        let names = self.store.gallery().names().unwrap_or_default();
        let name = |person: PersonId| names.get(&person).cloned();
        day(&self.store, &settings, request, SystemClock.now().wall_ns, &name)
    }
}
