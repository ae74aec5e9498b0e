//! OME-XML: <https://docs.openmicroscopy.org/ome-model/> (schema 2016-06).

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::super::axes::{Axis, Counts};
use super::units::{micrometres, milliseconds};

/// What OME-XML says about images.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::stack) struct Ome {
    /// Identity of the file.
    pub uuid: Option<String>,
    /// The file that holds the metadata, where this one does not.
    pub metadata_file: Option<String>,
    pub images: Vec<Image>,
}

/// One image: a position.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::stack) struct Image {
    pub name: Option<String>,
    /// The order of planes, fastest first, for instance `ZCT`.
    pub order: Vec<Axis>,
    pub frames: usize,
    pub channels: usize,
    pub depth: usize,
    pub width: usize,
    pub height: usize,
    /// Micrometres, x and y.
    pub pixel_size_um: Option<[f64; 2]>,
    /// Time between frames, milliseconds.
    pub interval_ms: Option<f64>,
    pub names: Vec<Option<String>>,
    /// Values of each pixel of a channel; more than 1 for colours.
    pub samples: usize,
    pub tiff_data: Vec<TiffData>,
    /// Frame and milliseconds of planes of the first channel and depth.
    pub times_ms: Vec<(usize, f64)>,
}

/// Where some planes are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::stack) struct TiffData {
    pub page: Option<usize>,
    pub planes: Option<usize>,
    pub frame: usize,
    pub channel: usize,
    pub z: usize,
    pub file: Option<String>,
    pub uuid: Option<String>,
}

impl Image {
    pub(in crate::stack) fn counts(&self) -> Counts {
        Counts { positions: 1, frames: self.frames, channels: self.channels, depth: self.depth }
    }
}

impl Ome {
    /// Pages that all images take together.
    pub(in crate::stack) fn planes(&self) -> Option<usize> {
        self.images
            .iter()
            .try_fold(0usize, |sum, image| sum.checked_add(image.counts().planes()? / image.samples.max(1)))
    }

    pub(in crate::stack) fn parse(text: &str) -> Result<Ome, OmeError> {
        let mut parser = Parser::default();
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        loop {
            match reader
                .read_event()
                .map_err(|error| OmeError(format!("at byte {}: {error}", reader.buffer_position())))?
            {
                Event::Start(element) => parser.open(&element)?,
                Event::Empty(element) => {
                    parser.open(&element)?;
                    parser.close(element.local_name().as_ref());
                }
                Event::Text(text) if parser.in_uuid => {
                    parser.uuid_text(text.trim());
                }
                Event::End(element) => parser.close(element.local_name().as_ref()),
                Event::Eof => break,
                _ => {}
            }
        }
        if parser.depth != 0 {
            return Err(OmeError("it ends within an element".to_owned()));
        }
        Ok(parser.ome)
    }
}

/// Why it is not OME-XML.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::stack) struct OmeError(pub String);

/// The values of an element.
struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, OmeError> {
        let fault = |error: &dyn std::fmt::Display| OmeError(format!("attribute {name}: {error}"));
        let attribute = self.0.try_get_attribute(name).map_err(|error| fault(&error))?;
        let value = attribute.map(|attribute| {
            attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map(|value| value.into_owned())
        });
        value.transpose().map_err(|error| fault(&error))
    }

    fn count(&self, name: &str) -> Result<Option<usize>, OmeError> {
        let parse = |text: String| {
            text.trim().parse().map_err(|_| OmeError(format!("{name} is {text:?}, which is no count")))
        };
        self.text(name)?.map(parse).transpose()
    }

    fn number(&self, name: &str) -> Result<Option<f64>, OmeError> {
        let number = self.text(name)?.and_then(|text| text.trim().parse::<f64>().ok());
        Ok(number.filter(|number| number.is_finite()))
    }

    /// A number times what its unit is worth; None where the unit is not known.
    fn measure(
        &self,
        name: &str,
        worth: fn(&str) -> Option<f64>,
        default: f64,
    ) -> Result<Option<f64>, OmeError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let unit = self.text(&format!("{name}Unit"))?.map_or(Some(default), |unit| worth(&unit));
        Ok(unit.map(|unit| number * unit))
    }
}

#[derive(Default)]
struct Parser {
    ome: Ome,
    depth: usize,
    in_uuid: bool,
    in_pixels: bool,
}

impl Parser {
    fn image(&mut self) -> Option<&mut Image> {
        if self.in_pixels { self.ome.images.last_mut() } else { None }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), OmeError> {
        let attributes = Attributes(element);
        self.depth += 1;
        match element.local_name().as_ref() {
            "OME" => self.ome.uuid = attributes.text("UUID")?,
            "BinaryOnly" => self.ome.metadata_file = attributes.text("MetadataFile")?,
            "Image" => self.ome.images.push(Image { name: attributes.text("Name")?, ..Image::default() }),
            "Pixels" => {
                self.in_pixels = true;
                if let Some(image) = self.image() {
                    pixels(image, &attributes)?;
                }
            }
            "Channel" => {
                let (name, samples) = (attributes.text("Name")?, attributes.count("SamplesPerPixel")?);
                if let Some(image) = self.image() {
                    let samples = samples.unwrap_or(1).max(1);
                    if image.names.is_empty() {
                        image.samples = samples;
                    } else if samples != image.samples {
                        return Err(OmeError("its channels differ in their values a pixel".to_owned()));
                    }
                    image.names.push(name.filter(|name| !name.trim().is_empty()));
                }
            }
            "TiffData" => {
                let data = TiffData {
                    page: attributes.count("IFD")?,
                    planes: attributes.count("PlaneCount")?,
                    frame: attributes.count("FirstT")?.unwrap_or(0),
                    channel: attributes.count("FirstC")?.unwrap_or(0),
                    z: attributes.count("FirstZ")?.unwrap_or(0),
                    file: None,
                    uuid: None,
                };
                if let Some(image) = self.image() {
                    image.tiff_data.push(data);
                }
            }
            "UUID" => {
                let file = attributes.text("FileName")?;
                self.in_uuid = true;
                if let Some(data) = self.image().and_then(|image| image.tiff_data.last_mut()) {
                    data.file = file;
                }
            }
            "Plane" => {
                let first =
                    attributes.count("TheC")? == Some(0) && attributes.count("TheZ")?.unwrap_or(0) == 0;
                let time = attributes.measure("DeltaT", milliseconds, 1e3)?;
                if let (true, Some(frame), Some(time)) = (first, attributes.count("TheT")?, time)
                    && let Some(image) = self.image()
                {
                    image.times_ms.push((frame, time));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn uuid_text(&mut self, text: &str) {
        if let Some(data) = self.image().and_then(|image| image.tiff_data.last_mut()) {
            data.uuid = Some(text.to_owned());
        }
    }

    fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "Pixels" => self.in_pixels = false,
            "UUID" => self.in_uuid = false,
            _ => {}
        }
    }
}

fn pixels(image: &mut Image, attributes: &Attributes<'_>) -> Result<(), OmeError> {
    let size = |name: &str| -> Result<usize, OmeError> {
        let count = attributes.count(name)?.filter(|count| *count > 0);
        count.ok_or_else(|| OmeError(format!("{name} is missing or 0")))
    };
    [image.width, image.height] = [size("SizeX")?, size("SizeY")?];
    [image.depth, image.channels, image.frames] = [size("SizeZ")?, size("SizeC")?, size("SizeT")?];
    let order = attributes.text("DimensionOrder")?.unwrap_or_default();
    let letters = order.strip_prefix("XY").unwrap_or_default();
    image.order = letters.chars().filter_map(Axis::from_letter).collect();
    let distinct = (0..image.order.len()).all(|i| !image.order[..i].contains(&image.order[i]));
    if image.order.len() != 3 || image.order.contains(&Axis::Position) || !distinct {
        return Err(OmeError(format!("DimensionOrder is {order:?}")));
    }
    let x = attributes.measure("PhysicalSizeX", micrometres, 1.0)?;
    let y = attributes.measure("PhysicalSizeY", micrometres, 1.0)?;
    image.pixel_size_um = x.zip(y).filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| [x, y]);
    image.interval_ms =
        attributes.measure("TimeIncrement", milliseconds, 1e3)?.filter(|interval| *interval > 0.0);
    Ok(())
}
