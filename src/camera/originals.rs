//! JPEGs as the camera sent them, on their way around the decoder to the frames that are made of them, so that a
//! recording need not encode them again.

use std::collections::VecDeque;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use super::appsink;

/// The media type of JPEGs.
const JPEG: &str = "image/jpeg";
/// Pictures that may be inside the decoder at once: libav's threads hold some back.
const INSIDE: usize = 8;

/// The pictures that are inside the decoder, by their time stamps. Clones share them.
#[derive(Clone, Default)]
pub struct Originals(Arc<Mutex<VecDeque<gst::Buffer>>>);

impl Originals {
    /// Notes each picture that goes into a decoder of JPEGs in `pipeline`, whichever way the decoder gets there: a camera
    /// may turn out to send JPEGs only once it is connected.
    pub fn of(pipeline: &gst::Pipeline) -> Originals {
        let originals = Originals::default();
        let watching = originals.clone();
        pipeline.connect_deep_element_added(move |_, _, element| {
            if is_jpeg_decoder(element) {
                watching.note(element);
            }
        });
        originals
    }

    /// Notes each JPEG that goes into `decoder`, which may take other formats, too. It is shared, not copied, unless its
    /// memory has to go back to the few buffers of a driver.
    fn note(&self, decoder: &gst::Element) {
        let Some(pad) = decoder.static_pad("sink") else { return };
        let noted = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let buffer = info.buffer().filter(|buffer| buffer.pts().is_some() && gets_jpegs(pad));
            let kept = buffer.and_then(|buffer| match appsink::is_pooled(buffer) {
                true => buffer.copy_deep().ok(),
                false => Some(buffer.clone()),
            });
            if let Some(kept) = kept {
                let mut inside = noted.0.lock();
                if inside.len() >= INSIDE {
                    inside.pop_front();
                }
                inside.push_back(kept);
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

/// Whether the buffers that reach `pad` now are JPEGs.
fn gets_jpegs(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    caps.is_some_and(|caps| caps.structure(0).is_some_and(|first| first.has_name(JPEG)))
}

/// Whether `element` itself decodes JPEGs. A bin such as decodebin does not: it takes whatever it can find a decoder for,
/// a whole film, too, and its decoder is added to the pipeline by itself.
fn is_jpeg_decoder(element: &gst::Element) -> bool {
    if element.is::<gst::Bin>() {
        return false;
    }
    let jpeg = gst::Caps::new_empty_simple(JPEG);
    element.factory().is_some_and(|factory| {
        factory.has_type(gst::ElementFactoryType::DECODER) && factory.can_sink_any_caps(&jpeg)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder's place, into which the test pushes buffers of this media type.
    fn decoder(originals: &Originals, media: &str) -> gst::Element {
        let decoder = gst::ElementFactory::make("identity").build().unwrap();
        originals.note(&decoder);
        decoder.set_state(gst::State::Playing).unwrap();
        let pad = decoder.static_pad("sink").unwrap();
        pad.send_event(gst::event::StreamStart::new("test"));
        pad.send_event(gst::event::Caps::new(&gst::Caps::new_empty_simple(media)));
        pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        decoder
    }

    #[test]
    fn a_buffer_of_a_driver_goes_back_to_it_while_its_picture_is_kept() {
        gst::init().unwrap();
        let originals = Originals::default();
        let decoder = decoder(&originals, JPEG);
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        // One buffer: a second frame comes only once the first is back.
        config.set_params(None, 16, 1, 1);
        pool.set_config(config).unwrap();
        pool.set_active(true).unwrap();
        let no_wait = gst::BufferPoolAcquireParams::with_flags(gst::BufferPoolAcquireFlags::DONTWAIT);
        for ms in [1, 2] {
            let mut buffer = pool.acquire_buffer(Some(&no_wait)).expect("it is back in its pool");
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
            buffer.get_mut().unwrap().map_writable().unwrap().fill(ms as u8);
            let _ = decoder.static_pad("sink").unwrap().chain(buffer);
        }
        for ms in [1, 2] {
            let kept = originals.take(Some(gst::ClockTime::from_mseconds(ms))).unwrap();
            assert!(kept.map_readable().unwrap().iter().all(|byte| *byte == ms as u8));
        }
        decoder.set_state(gst::State::Null).unwrap();
        pool.set_active(false).unwrap();
    }

    #[test]
    fn decoders_of_jpegs_are_recognised_wherever_they_are_added() {
        gst::init().unwrap();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        assert!(is_jpeg_decoder(&make("jpegdec")));
        assert!(!is_jpeg_decoder(&make("identity")) && !is_jpeg_decoder(&make("pngdec")));
        assert!(!is_jpeg_decoder(&make("decodebin")), "its decoder is added by itself");
    }

    #[test]
    fn a_buffer_of_another_format_that_the_decoder_takes_is_no_picture() {
        gst::init().unwrap();
        let originals = Originals::default();
        let decoder = decoder(&originals, "video/x-h264");
        let mut buffer = gst::Buffer::with_size(10).unwrap();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        let _ = decoder.static_pad("sink").unwrap().chain(buffer);
        assert_eq!(originals.take(Some(gst::ClockTime::ZERO)), None);
        decoder.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn each_frame_gets_the_picture_of_its_own_time_and_a_damaged_one_gives_none() {
        gst::init().unwrap();
        let originals = Originals::default();
        let decoder = decoder(&originals, JPEG);
        let pad = decoder.static_pad("sink").unwrap();
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
