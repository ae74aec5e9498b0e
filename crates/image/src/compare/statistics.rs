//! Mean and standard deviation of each sample over the goldens.

/// Sums over goldens of one size, exact: n × 255² fits `u32` for 66,000 goldens.
#[derive(Debug)]
pub(super) struct Statistics {
    count: u32,
    sums: Vec<u32>,
    squares: Vec<u32>,
}

impl Statistics {
    /// Empty statistics of `len` samples.
    pub fn new(len: usize) -> Statistics {
        Statistics { count: 0, sums: vec![0; len], squares: vec![0; len] }
    }

    /// Adds one golden, given as packed rows.
    pub fn add(&mut self, samples: &[u8]) {
        debug_assert_eq!(samples.len(), self.sums.len());
        self.count += 1;
        for ((sum, square), &v) in self.sums.iter_mut().zip(&mut self.squares).zip(samples) {
            *sum += u32::from(v);
            *square += u32::from(v) * u32::from(v);
        }
    }

    /// The mean of sample `i`.
    pub fn mean(&self, i: usize) -> f32 {
        self.sums[i] as f32 / self.count as f32
    }

    /// The standard deviation of sample `i` as of a sample of all good parts (n − 1); 0 for one golden.
    pub fn deviation(&self, i: usize) -> f32 {
        if self.count < 2 {
            return 0.0;
        }
        let (n, sum, square) = (u64::from(self.count), u64::from(self.sums[i]), u64::from(self.squares[i]));
        let centred = (n * square - sum * sum) as f64;
        (centred / (n * (n - 1)) as f64).sqrt() as f32
    }

    /// The means of all samples, rounded to whole values.
    pub fn means(&self) -> Vec<u8> {
        (0..self.sums.len()).map(|i| self.mean(i).round() as u8).collect()
    }
}
