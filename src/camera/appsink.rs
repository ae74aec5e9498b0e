//! The end of every pipeline: an appsink that maps buffers in place and asks for a pool large enough for the
//! ring.

use gstreamer as gst;
use gstreamer::glib::translate::from_glib_none;
use gstreamer::prelude::*;
use gstreamer_app as app;
use gstreamer_video as video;

use super::CaptureError;
use super::feed::FileNames;
use super::health::StreamShape;
use super::originals::Originals;
use crate::types::{Frame, PixelFormat, Stamp};

/// Buffers outside the ring at once: one that the source fills, one on its way to a slot, and one to spare
/// for a source that starts the next buffer before it has pushed the last.
pub const IN_FLIGHT: usize = 3;

/// Name by which `let_pool_grow` recognises our appsink behind a decoder.
const NAME: &str = "ocellus";

/// Makes the appsink. With `sync`, frames leave at their time stamps.
pub fn build(slots: usize, sync: bool) -> app::AppSink {
    let sink = app::AppSink::builder()
        .name(NAME)
        .caps(&accepted())
        .max_buffers(1)
        .drop(false)
        .sync(sync)
        .enable_last_sample(false)
        .wait_on_eos(true)
        .build();
    if let Some(pad) = sink.static_pad("sink") {
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| propose(info, slots + IN_FLIGHT));
    }
    sink
}

/// The seven supported formats in system memory, the cheapest for the tensor first.
pub fn accepted() -> gst::Caps {
    let names = PixelFormat::ALL.map(|format| video::VideoFormat::from_string(format.caps_name()));
    video::VideoCapsBuilder::new().format_list(names).build()
}

/// Answers the ALLOCATION query: at least `need` buffers, with planes at any offset.
fn propose(info: &mut gst::PadProbeInfo<'_>, need: usize) -> gst::PadProbeReturn {
    let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
    let gst::QueryViewMut::Allocation(query) = query.view_mut() else { return gst::PadProbeReturn::Ok };
    let shape = query.caps().and_then(|caps| video::VideoInfo::from_caps(caps).ok());
    let bytes = shape.map_or(0, |shape| shape.size());
    query.add_allocation_pool(None::<&gst::BufferPool>, bytes as u32, need as u32, 0);
    query.add_allocation_meta::<video::VideoMeta>(None);
    gst::PadProbeReturn::Handled
}

/// Answers the query in the appsink's place where `decoder` has its own output memory, so that its pool grows
/// with demand. Asked for the ring's full count, such a decoder would allocate it at once, in addition to the
/// buffers that it decodes into: 11 MiB at 720p.
pub fn let_pool_grow(decoder: &gst::Element) {
    if let Some(pad) = decoder.static_pad("src") {
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |pad, info| {
            let to_us = pad.peer().and_then(|peer| linked_to(&peer)).is_some_and(|name| name == NAME);
            if to_us { propose(info, 0) } else { gst::PadProbeReturn::Ok }
        });
    }
}

/// The name of the element behind a pad, through the bins around it.
fn linked_to(pad: &gst::Pad) -> Option<gst::glib::GString> {
    match pad.downcast_ref::<gst::ProxyPad>() {
        Some(ghost) => linked_to(&ghost.internal()?.upcast::<gst::Pad>().peer()?),
        None => Some(pad.parent_element()?.name()),
    }
}

/// Turns samples into frames; remembers the caps, so that an unchanged stream costs no parsing.
pub struct SampleMapper {
    slots: usize,
    names: Option<FileNames>,
    originals: Option<Originals>,
    known: Option<(gst::Caps, video::VideoInfo, StreamShape)>,
}

impl SampleMapper {
    /// `slots`: of the ring that receives the frames. `names`: the files that they come from, for a source of
    /// files. `originals`: the JPEGs that they are decoded from, where those are kept.
    pub fn new(slots: usize, names: Option<FileNames>, originals: Option<Originals>) -> SampleMapper {
        SampleMapper { slots, names, originals, known: None }
    }

    /// Maps the sample's buffer. Allocates nothing on our side while the caps stay the same.
    pub fn frame(
        &mut self,
        sample: gst::Sample,
        seq: u64,
        captured: Stamp,
    ) -> Result<(Frame, StreamShape), CaptureError> {
        let unmappable = |caps: &str, cause| CaptureError::Unmappable { caps: caps.into(), cause };
        let caps = sample.caps().ok_or_else(|| unmappable("(none)", "no caps"))?;
        let buffer = sample.buffer().ok_or_else(|| unmappable("(none)", "no buffer"))?;
        if self.known.as_ref().is_none_or(|(known, ..)| known.as_ptr() != caps.as_ptr()) {
            let info = video::VideoInfo::from_caps(caps)
                .map_err(|_| unmappable(&caps.to_string(), "no raw video"))?;
            let shape =
                shape_of(&info).ok_or_else(|| unmappable(&caps.to_string(), "another pixel format"))?;
            enough_buffers(buffer, self.slots)?;
            self.known = Some((caps.to_owned(), info, shape));
        }
        let Some((_, info, shape)) = &self.known else { return Err(unmappable("(none)", "no caps")) };
        // The sample drops its reference first, because a buffer with one owner goes straight back to its
        // pool.
        let buffer = sample.buffer_owned().ok_or_else(|| unmappable("(none)", "no buffer"))?;
        drop(sample);
        let jpeg = self.originals.as_ref().and_then(|originals| originals.take(buffer.pts()));
        let file = self.names.as_ref().and_then(|names| names.take(buffer.offset()));
        let mapped = video::VideoFrame::from_buffer_readable(buffer, info)
            .map_err(|_| unmappable(&info_text(info), "the memory cannot be mapped for reading"))?;
        let mut frame = Frame::from_gst(seq, captured, mapped)
            .ok_or_else(|| unmappable(&info_text(info), "another pixel format"))?;
        frame.file = file;
        frame.keep_jpeg(jpeg);
        Ok((frame, *shape))
    }
}

fn info_text(info: &video::VideoInfo) -> String {
    info.to_caps().map(|caps| caps.to_string()).unwrap_or_default()
}

fn shape_of(info: &video::VideoInfo) -> Option<StreamShape> {
    let format = PixelFormat::from_caps_name(info.format().to_str())?;
    let (numer, denom) = (info.fps().numer(), info.fps().denom());
    let fps = (numer > 0 && denom > 0).then(|| f64::from(numer) / f64::from(denom));
    Some(StreamShape { width: info.width() as usize, height: info.height() as usize, format, fps })
}

/// Refuses a fixed pool with fewer buffers than the slots plus what is in flight. The ring keeps its history,
/// so a smaller pool would stay empty and the camera would stop.
fn enough_buffers(buffer: &gst::BufferRef, slots: usize) -> Result<(), CaptureError> {
    let need = slots + IN_FLIGHT;
    match pool_of(buffer).and_then(|pool| pool.config().params()) {
        Some((_, _, _, most)) if most > 0 && (most as usize) < need => {
            Err(CaptureError::Pool { have: most, need, slots })
        }
        _ => Ok(()),
    }
}

/// Whether the buffer has to go back to a pool.
pub fn is_pooled(buffer: &gst::BufferRef) -> bool {
    pool_of(buffer).is_some()
}

fn pool_of(buffer: &gst::BufferRef) -> Option<gst::BufferPool> {
    // SAFETY: a GstBuffer's `pool` is null or a pool that the buffer itself keeps alive until it is released;
    // we hold the buffer, and `from_glib_none` takes its own reference (or gives `None` for null).
    unsafe { from_glib_none((*buffer.as_ptr()).pool) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool_with(most: u32) -> gst::BufferPool {
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(None, 16, 0, most);
        pool.set_config(config).unwrap();
        pool.set_active(true).unwrap();
        pool
    }

    #[test]
    fn a_source_with_too_few_buffers_for_the_ring_is_refused_with_the_slots_that_would_work() {
        gst::init().unwrap();
        let pool = pool_with(6);
        let buffer = pool.acquire_buffer(None).unwrap();
        let error = enough_buffers(&buffer, 8).unwrap_err().to_string();
        assert!(error.contains("only 6 buffers") && error.contains("ring_slots to 3 or less"), "{error}");
        assert!(enough_buffers(&buffer, 3).is_ok());
        drop(buffer);
        pool.set_active(false).unwrap();
    }

    #[test]
    fn a_source_with_a_pool_that_grows_and_one_without_a_pool_are_accepted() {
        gst::init().unwrap();
        let pool = pool_with(0);
        assert!(enough_buffers(&pool.acquire_buffer(None).unwrap(), 64).is_ok());
        assert!(enough_buffers(&gst::Buffer::with_size(4).unwrap(), 64).is_ok());
        pool.set_active(false).unwrap();
    }

    #[test]
    fn sources_are_reported_how_many_buffers_the_ring_holds() {
        gst::init().unwrap();
        let sink = build(8, false);
        let caps =
            gst::Caps::builder("video/x-raw").field("format", "I420").field("width", 64).field("height", 48);
        let caps = caps.field("framerate", gst::Fraction::new(30, 1)).build();
        let mut query = gst::query::Allocation::new(Some(&caps), true);
        assert!(sink.static_pad("sink").unwrap().query(&mut query));
        let (_, bytes, least, most) = query.allocation_pools().next().unwrap();
        assert_eq!((bytes, least, most), (64 * 48 * 3 / 2, 8 + IN_FLIGHT as u32, 0));
        assert!(query.find_allocation_meta::<video::VideoMeta>().is_some());
    }
}
