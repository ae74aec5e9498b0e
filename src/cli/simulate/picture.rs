//! The picture of the simulated trap: five ions between the electrodes.

use anyhow::Context;
use ocellus_scene::Rng;

use super::trap::{MAX_RF_MV, TrapReadings};
use crate::image::{PixelFormat, Planes, jpeg};

/// Size of the pictures in px.
const WIDTH: usize = 640;
const HEIGHT: usize = 480;
/// Quality of the JPEG, 1 to 100.
const QUALITY: u8 = 85;
/// Ions in the trap, and their distance in px.
const IONS: usize = 5;
const SPACING_PX: f64 = 64.0;
/// Noise of one background after the other, so that no two pictures are the same.
const BACKGROUNDS: usize = 4;

/// Takes pictures of the trap.
pub(super) struct TrapCamera {
    backgrounds: Vec<Vec<u8>>,
    frame: Vec<u8>,
    rng: Rng,
    taken: usize,
}

impl TrapCamera {
    /// Paints the backgrounds, which do not change.
    pub(super) fn new() -> TrapCamera {
        let mut rng = Rng::new(11, 0);
        let backgrounds = (0..BACKGROUNDS).map(|_| background(&mut rng)).collect();
        TrapCamera { backgrounds, frame: Vec::new(), rng, taken: 0 }
    }

    /// The next picture as a JPEG in `out`. The stronger the RF field, the smaller and brighter are the ions; without it
    /// there is a faint cloud.
    pub(super) fn take(&mut self, readings: &TrapReadings, out: &mut Vec<u8>) -> anyhow::Result<()> {
        self.frame.clone_from(&self.backgrounds[self.taken % BACKGROUNDS]);
        self.taken += 1;
        let field = readings.rf_mv / MAX_RF_MV;
        let (radius, brightness) = (22.0 - 16.0 * field, 45.0 + 165.0 * field);
        for ion in 0..IONS {
            let mut shaken = || f64::from(self.rng.range(-1.5, 1.5));
            let x = WIDTH as f64 / 2.0 + (ion as f64 - (IONS - 1) as f64 / 2.0) * SPACING_PX + shaken();
            let y = HEIGHT as f64 / 2.0 + shaken();
            glow(&mut self.frame, (x, y), radius, brightness);
        }
        let planes = Planes::packed(PixelFormat::I420, WIDTH, HEIGHT, &self.frame);
        jpeg::encode(&planes.context("a picture holds its planes")?, QUALITY, out)?;
        Ok(())
    }
}

/// The electrodes above and below in grey, and the noise of the sensor, as packed I420 of a violet tint.
fn background(rng: &mut Rng) -> Vec<u8> {
    let mut frame = Vec::with_capacity(WIDTH * HEIGHT * 3 / 2);
    for y in 0..HEIGHT {
        let electrode = !(HEIGHT / 4..HEIGHT * 3 / 4).contains(&y);
        let grey: f32 = if electrode { 70.0 } else { 24.0 };
        frame.extend((0..WIDTH).map(|_| (grey + rng.range(-4.0, 4.0)) as u8));
    }
    let chroma = WIDTH * HEIGHT / 4;
    frame.extend(std::iter::repeat_n(140, chroma));
    frame.extend(std::iter::repeat_n(134, chroma));
    frame
}

/// Adds a round spot of light to the luma.
fn glow(frame: &mut [u8], (x, y): (f64, f64), radius: f64, brightness: f64) {
    let reach = 3.0 * radius;
    let rows = (y - reach).max(0.0) as usize..((y + reach) as usize).min(HEIGHT);
    for row in rows {
        let columns = (x - reach).max(0.0) as usize..((x + reach) as usize).min(WIDTH);
        for column in columns {
            let (dx, dy) = (column as f64 - x, row as f64 - y);
            let light = brightness * (-(dx * dx + dy * dy) / (2.0 * radius * radius)).exp();
            let pixel = &mut frame[row * WIDTH + column];
            *pixel = pixel.saturating_add(light as u8).min(235);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trap::Trap;
    use super::*;

    /// The mean grey value of the picture's middle.
    fn brightness(camera: &mut TrapCamera, trap: &mut Trap) -> f64 {
        let mut file = Vec::new();
        camera.take(&trap.readings(), &mut file).unwrap();
        let picture = image::load_from_memory(&file).unwrap().to_luma8();
        assert_eq!((picture.width(), picture.height()), (640, 480));
        let middle = (310..330).flat_map(|x| (230..250).map(move |y| (x, y)));
        middle.map(|(x, y)| f64::from(picture.get_pixel(x, y).0[0])).sum::<f64>() / 400.0
    }

    #[test]
    fn the_ions_light_up_with_the_field() {
        let (mut camera, mut trap) = (TrapCamera::new(), Trap::new());
        let dark = brightness(&mut camera, &mut trap);
        trap.answer("RF 1400");
        let bright = brightness(&mut camera, &mut trap);
        assert!(bright > dark + 20.0, "{dark} {bright}");
    }
}
