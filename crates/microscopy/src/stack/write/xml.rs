//! The OME-XML of a file that is written: <https://docs.openmicroscopy.org/ome-model/> (schema 2016-06).

use std::fmt::Write;

use super::{PixelKind, WriteSettings};

/// OME-XML in ASCII, which is what TIFF allows: other signs are written as their numbers.
pub(super) fn describe(settings: &WriteSettings) -> String {
    let kind = match settings.pixels {
        PixelKind::U8 => "uint8",
        PixelKind::U16 => "uint16",
        PixelKind::F32 => "float",
    };
    let WriteSettings { width, height, frames, depth, channels, .. } = settings;
    let size = settings.pixel_size_um.map_or_else(String::new, |[x, y]| {
        // Micrometres are the schema's own unit.
        format!(r#" PhysicalSizeX="{x}" PhysicalSizeY="{y}""#)
    });
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let mut put = |text: std::fmt::Arguments<'_>| {
        // Writing into a string does not fail.
        let _ = xml.write_fmt(text);
    };
    put(format_args!(
        r#"<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd" Creator="Ocellus {}">"#,
        env!("CARGO_PKG_VERSION")
    ));
    put(format_args!(r#"<Image ID="Image:0" Name="{}">"#, escaped(&settings.name)));
    put(format_args!(
        r#"<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="{kind}" SizeX="{width}" SizeY="{height}" SizeZ="{depth}" SizeC="{}" SizeT="{frames}"{size}>"#,
        channels.len()
    ));
    for (number, name) in channels.iter().enumerate() {
        put(format_args!(
            r#"<Channel ID="Channel:0:{number}" Name="{}" SamplesPerPixel="1"/>"#,
            escaped(name)
        ));
    }
    put(format_args!(r#"<TiffData IFD="0" PlaneCount="{}"/>"#, frames * channels.len() * depth));
    for (frame, time) in settings.times_ms.iter().flatten().enumerate() {
        for channel in 0..channels.len() {
            for z in 0..*depth {
                let seconds = time / 1e3;
                put(format_args!(
                    r#"<Plane TheZ="{z}" TheC="{channel}" TheT="{frame}" DeltaT="{seconds}"/>"#
                ));
            }
        }
    }
    put(format_args!("</Pixels></Image></OME>"));
    xml
}

/// Text for an attribute: marked up, in ASCII, without signs that XML does not have.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            ' '..='~' => escaped.push(sign),
            // XML 1.0 has no other control characters, not even by number.
            '\t' | '\n' | '\r' => escaped.push(' '),
            sign if sign.is_control() || matches!(sign, '\u{fffe}' | '\u{ffff}') => escaped.push('?'),
            sign => {
                let _ = write!(escaped, "&#{};", u32::from(sign));
            }
        }
    }
    escaped
}
