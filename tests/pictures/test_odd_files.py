"""Files as strangers write them: each is read as it is meant, or refused by what it is."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms

import pictures
from pictures import UnsupportedFormat
from tests.pictures.files import chunk, encoded, p3, png
from tests.pictures.odd import (
    COLOURS,
    SIZE,
    adam7,
    bmp,
    bmp_palette,
    bmp_rows,
    bmp_v5,
    lossless_jpeg,
    partial_gif,
    quarters,
    run_lengths,
    samples,
    tiff,
)

FIRST = COLOURS[0]
RGB: dict[int, Any] = {258: (8, 8, 8), 262: 2, 277: 3}
GREY: dict[int, Any] = {262: 1, 277: 1}
BEST = {"quality": 100, "subsampling": 0}


def planes(kind: str, factor: int = 1) -> list[bytes]:
    return [samples(kind, factor)[..., n].tobytes() for n in range(3)]


def interlaced() -> bytes:
    header = struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 1)
    pixels = zlib.compress(adam7(quarters()))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    parts = (chunk(b"IDAT", pixels[n : n + 3]) for n in range(0, len(pixels), 3))
    return start + chunk(b"IDAT", b"") + b"".join(parts) + chunk(b"IEND", b"")


def deep() -> bytes:
    values = np.dstack([samples(">u2", 257), np.full(SIZE[::-1], 65535, ">u2")])
    return png(SIZE, [row.tobytes() for row in values], depth=16, colour=6)


def in_frames(name: str, **options: object) -> bytes:
    others = [Image.new("RGB", SIZE, colour) for colour in ("blue", "lime")]
    return encoded(quarters(), name, save_all=True, append_images=others, **options)


def lying_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x0100], exif[0x0101] = 9, 9999, 1
    exif.get_ifd(0x8769)[0xA002] = 7
    return exif


def tiles(kind: str = "u1", factor: int = 1) -> list[bytes]:
    found = samples(kind, factor)
    return [found[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16, 32)]


PALETTE = quarters().quantize(4)
R5G6B5 = struct.pack("<3I", 0xF800, 0x7E0, 0x1F)
MEANT: dict[str, bytes] = {
    "png interlaced, in many parts": interlaced(),
    "png of 16 bits with alpha": deep(),
    "png palette of 2 bits": encoded(PALETTE, bits=2),
    "png palette of 4 bits": encoded(PALETTE, bits=4),
    "png with a tail": encoded(quarters()) + b"x" * 5000,
    "png animated beside its picture": in_frames("PNG", default_image=True),
    "jpeg of inks": encoded(quarters().convert("CMYK"), "JPEG", **BEST),
    "jpeg of RGB": encoded(quarters(), "JPEG", keep_rgb=True, **BEST),
    "jpeg progressive": encoded(quarters(), "JPEG", progressive=True, **BEST),
    "jpeg with restarts": encoded(quarters(), "JPEG", restart_marker_rows=1, **BEST),
    "jpeg with filled markers": encoded(quarters(), "JPEG", **BEST).replace(b"\xff\xdb", b"\xff\xff\xff\xdb"),
    "jpeg whose EXIF lies": encoded(quarters(), "JPEG", exif=lying_exif(), **BEST),
    "mpo": in_frames("MPO", **BEST),
    "gif interlaced": encoded(PALETTE, "GIF", interlace=1),
    "gif without an end": encoded(PALETTE, "GIF")[:-1],
    "tiff big": encoded(quarters(), "TIFF", big_tiff=True),
    "tiff of jpeg": encoded(quarters(), "TIFF", compression="jpeg", quality=100),
    "tiff of zstd": encoded(quarters(), "TIFF", compression="zstd"),
    "tiff palette": encoded(PALETTE, "TIFF"),
    "tiff of inks": encoded(quarters().convert("CMYK"), "TIFF"),
    "tiff of YCbCr": encoded(quarters().convert("YCbCr"), "TIFF"),
    "tiff in strips": tiff({**RGB, 278: 16}, [samples()[:16].tobytes(), samples()[16:].tobytes()]),
    "tiff tiled": tiff({**RGB, 322: 16, 323: 16}, tiles()),
    "tiff tiled deep": tiff({**RGB, 258: (16, 16, 16), 322: 16, 323: 16}, tiles("<u2", 257)),
    "tiff deep, big endian": tiff({**RGB, 258: (16, 16, 16)}, [samples(">u2", 257).tobytes()], order=">"),
    "tiff in planes": tiff({**RGB, 284: 2}, planes("u1")),
    "tiff in deep planes": tiff({**RGB, 258: (16, 16, 16), 284: 2}, planes("<u2", 257)),
    "tiff in deep planes, big endian": tiff(
        {**RGB, 258: (16, 16, 16), 284: 2}, planes(">u2", 257), order=">"
    ),
    "tiff in deep packed planes": tiff(
        {**RGB, 258: (16, 16, 16), 259: 8, 284: 2}, [zlib.compress(plane) for plane in planes("<u2", 257)]
    ),
    "tiff with a channel of no meaning": tiff(
        {258: (8, 8, 8, 8), 262: 2, 277: 4, 338: 0}, [np.dstack([samples(), samples()[..., :1]]).tobytes()]
    ),
    "bmp of 5, 6 and 5 bits": bmp(
        16, 3, bmp_rows(lambda r, g, b: struct.pack("<H", r >> 3 << 11 | g >> 2 << 5 | b >> 3)), after=R5G6B5
    ),
    "bmp of 15 bits": bmp(
        16, 0, bmp_rows(lambda r, g, b: struct.pack("<H", r >> 3 << 10 | g >> 3 << 5 | b >> 3))
    ),
    "bmp from the top": bmp(
        24, 0, bmp_rows(lambda r, g, b: bytes((b, g, r)), downwards=True), height=-SIZE[1]
    ),
    "bmp whose fourth channel is empty": bmp(32, 0, bmp_rows(lambda r, g, b: bytes((b, g, r, 0)))),
    "bmp in runs": bmp(8, 1, run_lengths(8), after=bmp_palette()),
    "bmp in runs of 4 bits": bmp(4, 2, run_lengths(4), after=bmp_palette()),
    "bmp that is sRGB": bmp_v5(b"BGRs"),
    "webp animated": in_frames("WEBP", lossless=True),
    "avif animated": in_frames("AVIF", quality=100, subsampling="4:4:4"),
    "avif of a narrow range": encoded(quarters(), "AVIF", quality=100, subsampling="4:4:4", range="limited"),
}


@pytest.mark.parametrize("name", MEANT)
def test_odd_files_are_read_as_they_are_meant(name: str) -> None:
    found = pictures.read(MEANT[name]).image
    far = ImageChops.difference(found, quarters()).getextrema()
    assert max(worst for _, worst in far) <= 8  # type: ignore[misc]


def grey(bits: int, row: bytes) -> bytes:
    return tiff({**GREY, 258: bits}, [row * SIZE[1]])


FLAT: dict[str, tuple[bytes, int]] = {
    "tiff of 2 bits": (grey(2, b"\xaa" * 12), 170),
    "tiff of 4 bits": (grey(4, b"\xcc" * 24), 204),
    "tiff of 12 bits": (grey(12, b"\xcc\xcc\xcc" * 24), 204),
    "tiff of 16 bits": (grey(16, struct.pack("<H", 204 * 257) * 48), 204),
    "jpeg without loss": (lossless_jpeg(), 128),
}


@pytest.mark.parametrize("name", FLAT)
def test_grey_of_any_depth(name: str) -> None:
    data, level = FLAT[name]
    assert pictures.read(data).image.getpixel((3, 3)) == (level,) * 3


@pytest.mark.parametrize("over", ["white", "black"])
def test_what_a_gif_leaves_empty_is_transparent(over: str) -> None:
    found = pictures.read(partial_gif(SIZE, (24, 16), (12, 8)), over=over).image
    expected = Image.new("RGB", SIZE, over)
    expected.paste(FIRST, (12, 8, 36, 24))
    assert found.tobytes() == expected.tobytes()


def test_a_gif_may_reach_beyond_its_canvas() -> None:
    assert pictures.read(partial_gif((20, 20), SIZE, (0, 0))).image.getpixel((3, 3)) == FIRST


def test_the_profile_of_a_bmp() -> None:
    display = ImageCms.ImageCmsProfile(io.BytesIO(p3()))
    expected = ImageCms.profileToProfile(quarters(), display, ImageCms.createProfile("sRGB"))
    assert expected is not None
    assert pictures.read(bmp_v5(b"DEBM", p3())).image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("index", "colours"), [(b"R03\0", 0xFFFF), (b"R98\0", 0xFFFF), (b"R03\0", 1)])
def test_a_camera_set_to_adobe_rgb(index: bytes, colours: int, order: str) -> None:
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    exif = start + struct.pack(f"{order}IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0)
    exif += struct.pack(f"{order}HHHIHHHHIII", 2, 0xA001, 3, 1, colours, 0, 0xA005, 4, 1, 56, 0)
    exif += struct.pack(f"{order}HHHI4sI", 1, 1, 2, 4, index, 0)
    data = encoded(Image.new("RGB", (32, 32), (100, 150, 100)), "JPEG", exif=b"Exif\0\0" + exif, **BEST)
    with Image.open(io.BytesIO(data)) as image:
        assert pictures.upright_srgb(image)[0].tobytes() == pictures.read(data).image.tobytes()
    found: Any = pictures.read(data).image.getpixel((3, 3))
    assert (found[0] < 80) == (index == b"R03\0" and colours == 0xFFFF)  # Adobe's green is outside sRGB


REFUSED: dict[str, tuple[bytes, str]] = {
    "tiff of fractions": (
        tiff({**GREY, 258: 32, 339: 3}, [b"\0\0\0\x3f" * 48 * 32]),
        "of fractions, .*white",
    ),
    "tiff of 32 bits": (tiff({**GREY, 258: 32}, [b"\0" * 4 * 48 * 32]), "32-bit numbers, .*8 or 16 bits"),
    "tiff of signed numbers": (tiff({**GREY, 258: 16, 339: 2}, [b"\0" * 2 * 48 * 32]), "signed or"),
    "tiff of coloured fractions": (
        tiff({**RGB, 258: (32, 32, 32), 339: (3, 3, 3)}, [b"\0" * 12 * 48 * 32]),
        "kind of TIFF that cannot be read. Save it with 8 bits",
    ),
    "bmp of jpeg": (bmp(0, 4, encoded(quarters(), "JPEG")), "kind of BMP that cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_not_called_damaged(name: str) -> None:
    data, said = REFUSED[name]
    with pytest.raises(UnsupportedFormat, match=said):
        pictures.read(data)
