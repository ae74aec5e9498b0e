//! JPEGs as the camera sent them, on their way around the decoder to the frames that are made of them, so that a
//! recording need not encode them again.

use std::collections::VecDeque;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

/// Pictures that may be inside the decoder at once; it gives each before it takes the next.
const INSIDE: usize = 4;

/// The pictures that are inside the decoder, by their time stamps. Clones share them.
#[derive(Clone, Default)]
pub struct Originals(Arc<Mutex<VecDeque<gst::Buffer>>>);

impl Originals {
    /// Notes each picture that goes into `decoder`. It is shared, not copied.
    pub fn note(&self, decoder: &gst::Element) {
        let Some(pad) = decoder.static_pad("sink") else { return };
        let noted = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer().filter(|buffer| buffer.pts().is_some()) {
                let mut inside = noted.0.lock();
                if inside.len() >= INSIDE {
                    inside.pop_front();
                }
                inside.push_back(buffer.clone());
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Takes the picture of a decoded frame with this time stamp, and drops earlier ones, which gave no frame.
    pub fn take(&self, pts: Option<gst::ClockTime>) -> Option<gst::Buffer> {
        let mut inside = self.0.lock();
        let at = inside.iter().position(|buffer| buffer.pts() == pts && pts.is_some())?;
        inside.drain(..at);
        inside.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_gets_the_picture_of_its_own_time_and_a_damaged_one_gives_none() {
        gst::init().unwrap();
        let originals = Originals::default();
        let decoder = gst::ElementFactory::make("identity").build().unwrap();
        originals.note(&decoder);
        decoder.set_state(gst::State::Playing).unwrap();
        let pad = decoder.static_pad("sink").unwrap();
        pad.send_event(gst::event::StreamStart::new("test"));
        pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        for (ms, size) in [(1, 10), (2, 20), (3, 30)] {
            let mut buffer = gst::Buffer::with_size(size).unwrap();
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
            // Nothing is linked behind it; the probe has seen the buffer by then.
            let _ = pad.chain(buffer);
        }
        let size = |ms| originals.take(Some(gst::ClockTime::from_mseconds(ms))).map(|buffer| buffer.size());
        assert_eq!((size(2), size(1), size(3)), (Some(20), None, Some(30)));
        assert_eq!(originals.take(None), None);
        decoder.set_state(gst::State::Null).unwrap();
    }
}
