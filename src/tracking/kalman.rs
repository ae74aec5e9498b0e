//! Predicts positions: a Kalman filter with constant velocity over the centre and the sides of a rectangle.
//!
//! State, noise and their proportion to the object's size are those of Aharon et al., "BoT-SORT" (2022),
//! after Bewley et al., "Simple Online and Realtime Tracking" (ICIP 2016) and Zhang et al., "ByteTrack" (ECCV
//! 2022). All of its matrices are diagonal in the four coordinates, so the filter of eight states is exactly
//! four of two.

use crate::types::Rect;

/// Frames a second for which the papers give their noise; time is measured in such frames.
pub(super) const NOMINAL_FPS: f32 = 30.0;
/// Standard deviation of a measured coordinate, and of the noise of a nominal frame, as a fraction of the
/// side along it.
const POSITION: f32 = 1.0 / 20.0;
/// The same fraction for a velocity's noise in a nominal frame.
const VELOCITY: f32 = 1.0 / 80.0;
/// The same fraction for the velocity of an object that was seen once, instead of the papers' 1/16: parts on
/// a belt and people near the camera move by more of their own size than pedestrians in a street far away.
const FIRST_VELOCITY: f32 = 1.0 / 4.0;

/// The filter of one coordinate: its value, velocity and covariance.
#[derive(Clone, Copy, Debug, Default)]
struct Axis {
    /// The value in px; `speed` is in px a nominal frame.
    at: f32,
    speed: f32,
    /// Variance of `at`; the next two are its covariance with `speed` and the variance of `speed`.
    at_at: f32,
    at_speed: f32,
    speed_speed: f32,
}

impl Axis {
    fn new(at: f32, size: f32) -> Axis {
        let (position, velocity) = (2.0 * POSITION * size, FIRST_VELOCITY * size);
        Axis { at, at_at: position * position, speed_speed: velocity * velocity, ..Axis::default() }
    }

    fn predict(&mut self, frames: f32, size: f32) {
        let (position, velocity) = (POSITION * size, VELOCITY * size);
        self.at += self.speed * frames;
        self.at_at += frames * (2.0 * self.at_speed + frames * self.speed_speed + position * position);
        self.at_speed += frames * self.speed_speed;
        self.speed_speed += frames * velocity * velocity;
    }

    fn correct(&mut self, measured: f32, size: f32) {
        let noise = POSITION * size;
        let spread = self.at_at + noise * noise;
        let (gain, speed_gain) = (self.at_at / spread, self.at_speed / spread);
        let surprise = measured - self.at;
        self.at += gain * surprise;
        self.speed += speed_gain * surprise;
        self.speed_speed -= speed_gain * self.at_speed;
        self.at_speed *= 1.0 - gain;
        self.at_at *= 1.0 - gain;
    }
}

/// The motion of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    x: Axis,
    y: Axis,
    w: Axis,
    h: Axis,
}

impl Motion {
    /// The motion of an object that is seen for the first time.
    pub(super) fn new(rect: Rect) -> Motion {
        let (w, h) = (rect.w.max(1.0), rect.h.max(1.0));
        Motion {
            x: Axis::new(rect.x + rect.w / 2.0, w),
            y: Axis::new(rect.y + rect.h / 2.0, h),
            w: Axis::new(w, w),
            h: Axis::new(h, h),
        }
    }

    /// Lets `frames` nominal frames pass. While the object is `lost` its size stays constant, because the
    /// trend of the last frames before an occlusion is that of the visible part.
    pub(super) fn predict(&mut self, frames: f32, lost: bool) {
        let (w, h) = self.size();
        if lost {
            (self.w.speed, self.h.speed) = (0.0, 0.0);
        }
        self.x.predict(frames, w);
        self.y.predict(frames, h);
        self.w.predict(frames, w);
        self.h.predict(frames, h);
    }

    /// Corrects the state by a measurement: the object was seen at `rect`.
    pub(super) fn correct(&mut self, rect: Rect) {
        let (w, h) = self.size();
        self.x.correct(rect.x + rect.w / 2.0, w);
        self.y.correct(rect.y + rect.h / 2.0, h);
        self.w.correct(rect.w, w);
        self.h.correct(rect.h, h);
    }

    /// The rectangle of the present state.
    pub(super) fn rect(&self) -> Rect {
        let (w, h) = self.size();
        Rect { x: self.x.at - w / 2.0, y: self.y.at - h / 2.0, w, h }
    }

    fn size(&self) -> (f32, f32) {
        (self.w.at.max(1.0), self.h.at.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: f32) -> Rect {
        Rect { x: 100.0 + 6.0 * n, y: 50.0 - 2.0 * n, w: 40.0 + n, h: 80.0 }
    }

    #[test]
    fn a_steady_motion_is_foretold_to_the_pixel_also_over_frames_that_were_skipped() {
        let mut motion = Motion::new(at(0.0));
        for n in 1..20 {
            motion.predict(1.0, false);
            motion.correct(at(n as f32));
        }
        motion.predict(4.0, false);
        let (foretold, truth) = (motion.rect(), at(23.0));
        for (a, b) in
            [(foretold.x, truth.x), (foretold.y, truth.y), (foretold.w, truth.w), (foretold.h, truth.h)]
        {
            assert!((a - b).abs() < 1.0, "{foretold:?} instead of {truth:?}");
        }
    }

    #[test]
    fn the_size_of_a_lost_object_stays_and_is_never_negative() {
        let mut motion = Motion::new(at(0.0));
        for n in 1..10 {
            motion.predict(1.0, false);
            motion.correct(Rect { w: 40.0 - 4.0 * n as f32, ..at(0.0) });
        }
        let before = motion.rect().w;
        (0..50).for_each(|_| motion.predict(10.0, true));
        assert_eq!(motion.rect().w, before);
        (0..50).for_each(|_| motion.correct(Rect { w: 0.0, h: 0.0, ..at(0.0) }));
        assert!(motion.rect().w >= 1.0 && motion.rect().h >= 1.0);
    }

    #[test]
    fn no_time_and_much_time_leave_finite_figures() {
        let mut motion = Motion::new(Rect::default());
        for frames in [0.0, 300.0, 0.0, 300.0, 1e-6] {
            motion.predict(frames, false);
            motion.correct(Rect { x: 3.0, y: 4.0, w: 0.0, h: 1e4 });
        }
        let rect = motion.rect();
        assert!([rect.x, rect.y, rect.w, rect.h].iter().all(|v| v.is_finite()), "{rect:?}");
    }
}
