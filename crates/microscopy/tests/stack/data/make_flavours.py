#!/usr/bin/env python3
"""Writes the small TIFF files of this folder: make_flavours.py [FOLDER]. Needs numpy, tifffile and imagecodecs.

They were made with tifffile 2026.3.3. Every pixel is v = 211 t + 101 c + 53 z + 7 y + 3 x, changed for its kind as in
`as_kind`; tests/stack/flavours.rs computes the same. Pictures are 20 rows of 24 pixels.
"""

import pathlib
import re
import sys

import numpy
import tifffile

here = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
T, C, Z, Y, X = 3, 2, 2, 20, 24


def values(t=T, c=C, z=Z):
    t, c, z, y, x = numpy.ogrid[:t, :c, :z, :Y, :X]
    return 211 * t + 101 * c + 53 * z + 7 * y + 3 * x


def as_kind(v, kind):
    change = {
        "uint8": lambda v: v % 251,
        "int8": lambda v: v % 251 - 125,
        "uint16": lambda v: v * 50,
        "int16": lambda v: v - 400,
        "uint32": lambda v: v * 70000,
        "int32": lambda v: v * 70000 - 10_000_000,
        "float16": lambda v: v / 8,
        "float32": lambda v: v / 8 - 50,
        "float64": lambda v: v / 8 - 50,
    }
    return change[kind](v).astype(kind)


def pages(name, kind, times=T, **options):
    """Plain pages: frames in time, by nothing but the test's own word."""
    frames = as_kind(values(t=times, c=1, z=1), kind)[:, 0, 0]
    tifffile.imwrite(here / name, frames, metadata=None, photometric=options.pop("photometric", "minisblack"), **options)


for kind in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]:
    pages(f"plain_{kind}.tif", kind)
pages("lzw_uint16.tif", "uint16", compression="lzw")
pages("lzw_predictor_uint8.tif", "uint8", compression="lzw", predictor=True)
pages("lzw_predictor_uint16.tif", "uint16", compression="lzw", predictor=True)
pages("lzw_predictor_uint16_big_endian.tif", "uint16", compression="lzw", predictor=True, byteorder=">")
pages("lzw_predictor_uint32.tif", "uint32", compression="lzw", predictor=True)
pages("lzw_predictor_int16_big_tiff.tif", "int16", compression="lzw", predictor=True, bigtiff=True)
pages("deflate_uint16_old_number.tif", "uint16", compression="deflate")
pages("deflate_predictor_float32.tif", "float32", compression="zlib", predictor=3)
pages("deflate_predictor_float32_big_endian.tif", "float32", compression="zlib", predictor=3, byteorder=">")
pages("deflate_predictor_float64.tif", "float64", compression="zlib", predictor=3)
pages("deflate_predictor_float16.tif", "float16", compression="zlib", predictor=3)
pages("packbits_uint8.tif", "uint8", compression="packbits")
pages("packbits_uint16.tif", "uint16", compression="packbits")
pages("strips_uint16.tif", "uint16", rowsperstrip=3)
pages("strips_lzw_uint16.tif", "uint16", compression="lzw", rowsperstrip=3)
pages("strips_big_endian_uint16.tif", "uint16", byteorder=">", rowsperstrip=7)
pages("tiles_uint16.tif", "uint16", tile=(16, 16))
pages("tiles_lzw_predictor_uint16.tif", "uint16", tile=(16, 16), compression="lzw", predictor=True)
pages("tiles_predictor_float32.tif", "float32", tile=(16, 16), compression="zlib", predictor=3)
pages("tiles_big_tiff_big_endian_uint8.tif", "uint8", tile=(16, 32), compression="zlib", bigtiff=True, byteorder=">")
pages("white_is_zero_uint8.tif", "uint8", photometric="miniswhite", compression="lzw")
pages("zstd_uint16.tif", "uint16", times=1, compression="zstd")

# Colours are channels: c runs over the three values of a pixel.
colours = as_kind(values(c=3, z=1), "uint8")[:, :, 0]
tifffile.imwrite(here / "colours_side_by_side.tif", numpy.moveaxis(colours, 1, -1), metadata=None, photometric="rgb", compression="lzw", predictor=True)
tifffile.imwrite(here / "colours_in_planes.tif", colours, metadata=None, photometric="rgb", planarconfig="separate")

# Metadata of ImageJ and of tifffile itself.
all_planes = as_kind(values(), "uint16")
TZC = numpy.moveaxis(all_planes, 1, 2)
tifffile.imwrite(here / "imagej_tzc.tif", TZC, imagej=True, resolution=(1 / 0.325, 1 / 0.5), metadata={"axes": "TZCYX", "finterval": 2.5, "unit": "um"})
# ImageJ writes more than 4 GB with the directory of the first page alone; here the others are only cut loose.
one = here / "imagej_one_directory.tif"
tifffile.imwrite(one, TZC, imagej=True, metadata={"axes": "TZCYX", "finterval": 2.5, "tunit": "min", "unit": "\\u00B5m"})
with tifffile.TiffFile(one) as tif:
    first = tif.pages[0]
    assert first.dataoffsets[0] + TZC.nbytes <= one.stat().st_size
    next_pointer = first.offset + 2 + 12 * len(first.tags)
data = bytearray(one.read_bytes())
data[next_pointer:next_pointer + 4] = bytes(4)
one.write_bytes(data)
tifffile.imwrite(here / "shaped_zct.tif", numpy.transpose(all_planes, (2, 1, 0, 3, 4)), metadata={"axes": "ZCTYX"}, photometric="minisblack")
tifffile.imwrite(here / "shaped_unknown.tif", all_planes[:, :, 0], metadata={}, photometric="minisblack")

# OME-TIFF in orders other than tifffile's usual one.
for order in ["TCZYX", "CZTYX", "ZTCYX"]:
    data = numpy.transpose(all_planes, ["TCZYX".index(axis) for axis in order])
    metadata = {"axes": order, "PhysicalSizeX": 325, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.0005, "PhysicalSizeYUnit": "mm", "TimeIncrement": 2, "TimeIncrementUnit": "min", "Channel": {"Name": ["phase", "GFP \u03b1 & <b>"]}}
    tifffile.imwrite(here / f"ome_{order[:3].lower()}.ome.tif", data, metadata=metadata, photometric="minisblack")


def rewrite(source, target, change):
    """A copy of `source` whose description is changed; the new one is put at the end of the file."""
    data = bytearray((here / source).read_bytes())
    with tifffile.TiffFile(here / source) as tif:
        tag = tif.pages[0].tags["ImageDescription"]
        text = change(tif.pages[0].description).encode() + b"\0"
        assert not tif.is_bigtiff and tif.byteorder == "<"
        data[tag.offset + 4:tag.offset + 8] = len(text).to_bytes(4, "little")
        data[tag.offset + 8:tag.offset + 12] = len(data).to_bytes(4, "little")
    (here / target).write_bytes(data + text)


# A set of two files, one for each channel, each with the metadata of both, as Bio-Formats writes it.
for c in range(C):
    tifffile.imwrite(here / f"part{c}.tif", all_planes[:, c, :1], metadata=None, photometric="minisblack", description="x", compression="zlib")
    with tifffile.TiffFile(here / f"part{c}.tif") as tif:
        pass
parts = "".join(
    f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="0" IFD="{t}" PlaneCount="1"><UUID FileName="set_c{c}.ome.tif">urn:uuid:0000000{c}-0000-0000-0000-000000000000</UUID></TiffData>'
    for c in range(C) for t in range(T)
)
stamps = "".join(f'<Plane TheT="{t}" TheC="{c}" TheZ="0" DeltaT="{t * 90 + c}" DeltaTUnit="s"/>' for c in range(C) for t in range(T))
for c in range(C):
    xml = (
        f'<?xml version="1.0"?><ome:OME xmlns:ome="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:0000000{c}-0000-0000-0000-000000000000">'
        f'<ome:Image ID="Image:0" Name="both"><ome:Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{X}" SizeY="{Y}" SizeZ="1" SizeC="2" SizeT="3">'
        '<ome:Channel ID="Channel:0:0"/><ome:Channel ID="Channel:0:1" Name="GFP"/>'
        + re.sub("(</?)(TiffData|UUID|Plane)", r"\1ome:\2", parts + stamps) + "</ome:Pixels></ome:Image></ome:OME>"
    )
    rewrite(f"part{c}.tif", f"set_c{c}.ome.tif", lambda _: xml)

# The same two files with their metadata in a file of its own.
companion = (
    f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="both"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{X}" SizeY="{Y}" SizeZ="1" SizeC="2" SizeT="3">'
    + parts.replace("set_c", "binary_c") + "</Pixels></Image></OME>"
)
(here / "binary.companion.ome").write_text(companion)
for c in range(C):
    only = f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:0000000{c}-0000-0000-0000-000000000000"><BinaryOnly MetadataFile="binary.companion.ome" UUID="urn:uuid:9"/></OME>'
    rewrite(f"part{c}.tif", f"binary_c{c}.ome.tif", lambda _: only)
    (here / f"part{c}.tif").unlink()

# Metadata that promises more frames than there are, as after a recording that was stopped.
rewrite("ome_tcz.ome.tif", "stopped.ome.tif", lambda xml: xml.replace('SizeT="3"', 'SizeT="9"').replace('PlaneCount="12"', 'PlaneCount="36"'))
# Time stamps that go back.
rewrite("ome_tcz.ome.tif", "times_go_back.ome.tif", lambda xml: xml.replace("</Pixels>", "".join(f'<Plane TheT="{t}" TheC="0" TheZ="0" DeltaT="{time}"/>' for t, time in enumerate([0, 60, 30])) + "</Pixels>"))
# A smaller copy of each page beside it, as whole-slide formats have.
with tifffile.TiffWriter(here / "pyramid.ome.tif", ome=True) as tif:
    data = all_planes[:, 0, 0]
    tif.write(data, subifds=1, metadata={"axes": "TYX"}, photometric="minisblack", compression="zlib")
    tif.write(data[:, ::2, ::2], subfiletype=1, photometric="minisblack", compression="zlib")
