//! A super-resolution model with a session for each worker.

use ocellus_engine::{Model, Session, Task, Values};
use ocellus_image::{Dtype, Target};

use crate::StudioError;

/// The largest number of workers; each has a session with its own memory.
const MOST_WORKERS: usize = 64;

/// A super-resolution model that is ready: N sessions for N workers.
pub struct Upscaler {
    sessions: Vec<Box<dyn Session>>,
    input: Target,
    factor: usize,
    name: String,
    sha256: String,
}

impl Upscaler {
    /// Opens `workers` sessions of `model`, whose task must be `upscale`.
    ///
    /// # Errors
    /// The model has another task or cannot be compiled; no workers, or more than 64.
    pub fn new(model: &Model, workers: usize) -> Result<Upscaler, StudioError> {
        model.expect_task(Task::Upscale)?;
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(StudioError::Option { option: "workers", value: workers as f64, allowed: "1 to 64" });
        }
        let input = model.input();
        let wide = model.outputs().first().and_then(|output| output.shape.get(2)).copied().unwrap_or(0);
        let sessions = (0..workers).map(|_| model.session()).collect::<Result<Vec<_>, _>>()?;
        let (name, sha256) = (model.name().to_owned(), model.sha256().to_owned());
        Ok(Upscaler { sessions, input, factor: wide / input.width, name, sha256 })
    }

    /// How many times as wide and high the model's output is.
    pub fn factor(&self) -> usize {
        self.factor
    }

    /// Width and height of a tile with its context, px.
    pub fn tile(&self) -> [usize; 2] {
        [self.input.width, self.input.height]
    }

    /// How many workers compute at once.
    pub fn workers(&self) -> usize {
        self.sessions.len()
    }

    /// SHA-256 of the model's file, as hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How often a picture goes through the model to become `factor` times as large.
    pub(super) fn passes(&self, factor: usize) -> Result<usize, StudioError> {
        let passes = [1, 2].into_iter().find(|passes| self.factor.checked_pow(*passes) == Some(factor));
        passes.map(|passes| passes as usize).ok_or_else(|| StudioError::Model {
            model: self.name.clone(),
            fault: format!("it enlarges {} times, and {factor} times is asked for", self.factor),
            needed: "that enlarges 2 or 4 times",
        })
    }

    pub(super) fn parts(&mut self) -> (&mut [Box<dyn Session>], Target) {
        (&mut self.sessions, self.input)
    }

    /// Runs the model over one tile (RGB) on its first session; gives the RGB of the larger tile. For tests and benches.
    ///
    /// # Errors
    /// The runtime fails, or the tile has another size.
    pub fn run_tile(&mut self, tile: &[u8]) -> Result<Vec<u8>, StudioError> {
        let need = self.input.width * self.input.height * 3;
        if tile.len() != need {
            return Err(StudioError::Rows { fault: format!("a tile has {need} bytes, not {}", tile.len()) });
        }
        let input = self.input;
        let session = &mut *self.sessions[0];
        write(&input, tile, 0, session.input_mut(0));
        session.run()?;
        let mut out = vec![0; need * self.factor * self.factor];
        read(session, 0, &mut out);
        Ok(out)
    }
}

impl std::fmt::Debug for Upscaler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upscaler({}, x{}, {} workers)", self.name, self.factor, self.sessions.len())
    }
}

/// Writes RGB bytes into the input tensor, from px `at` on.
pub(super) fn write(input: &Target, rgb: &[u8], at: usize, tensor: &mut [u8]) {
    let first = at * 3;
    let plain = |add: f32| input.mul == [1.0; 3] && input.add == [add; 3];
    match input.dtype {
        Dtype::U8 if plain(0.0) => tensor[first..first + rgb.len()].copy_from_slice(rgb),
        Dtype::I8 if plain(-128.0) => {
            tensor[first..].iter_mut().zip(rgb).for_each(|(to, from)| *to = from ^ 0x80);
        }
        dtype => {
            let stored = |c: usize, value: u8| f32::from(value) * input.mul[c % 3] + input.add[c % 3];
            for (c, value) in rgb.iter().enumerate() {
                let stored = stored(c, *value);
                match dtype {
                    Dtype::U8 => tensor[first + c] = stored.round() as u8,
                    Dtype::I8 => tensor[first + c] = stored.round() as i8 as u8,
                    _ => tensor[(first + c) * 4..][..4].copy_from_slice(&stored.to_le_bytes()),
                }
            }
        }
    }
}

/// Reads values of the output tensor as bytes, from sample `at` on.
pub(super) fn read(session: &dyn Session, at: usize, out: &mut [u8]) {
    let info = &session.outputs()[0];
    let values = Values::of(session, 0);
    match info.dtype {
        Dtype::I8 if info.scale == 1.0 && info.zero_point == -128 => {
            out.iter_mut().zip(&values.bytes[at..]).for_each(|(to, from)| *to = from ^ 0x80);
        }
        Dtype::F32 => {
            let stored = values.bytes[at * 4..].chunks_exact(4);
            for (to, from) in out.iter_mut().zip(stored) {
                let value = f32::from_le_bytes([from[0], from[1], from[2], from[3]]);
                *to = (value + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        _ => {
            for (n, to) in out.iter_mut().enumerate() {
                *to = (values.get(at + n) + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
    }
}
