"""Odd but valid files, of which no encoder at hand makes the like."""

import struct
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from tests.pictures.files import encoded

COLOURS = ((200, 30, 40), (30, 160, 60), (40, 60, 190), (230, 220, 90))
SIZE = (48, 32)
_DEPTHS = {3: "H", 4: "I"}
_SHORT, _LONG = 3, 4


def quarters() -> Image.Image:
    """Four colours, one a quarter."""
    image = Image.new("RGB", SIZE)
    for n, colour in enumerate(COLOURS):
        image.paste(colour, (24 * (n % 2), 16 * (n // 2), 24 + 24 * (n % 2), 16 + 16 * (n // 2)))
    return image


def tiff(tags: Mapping[int, int | Sequence[int]], blocks: Sequence[bytes], *, order: str = "<") -> bytes:
    """A TIFF of `quarters`' size in strips, or in tiles where `tags` have their width."""
    tiled = 322 in tags
    at, sizes = (324, 325) if tiled else (273, 279)
    rows = {
        256: SIZE[0],
        257: SIZE[1],
        259: 1,
        **tags,
        at: [0] * len(blocks),
        sizes: [len(b) for b in blocks],
    }
    if not tiled:
        rows.setdefault(278, SIZE[1])
    head = 8 + 2 + 12 * len(rows) + 4
    far = sum(len(value) * 4 for value in rows.values() if isinstance(value, list) and len(value) > 1)
    far += sum(len(value) * 4 for value in rows.values() if isinstance(value, tuple) and len(value) > 1)
    places = [head + far + sum(len(block) for block in blocks[:n]) for n in range(len(blocks))]
    entries, more = b"", b""
    for tag, value in sorted(rows.items()):
        values = places if tag == at else [value] if isinstance(value, int) else list(value)
        kind = _LONG if tag in (256, 257, 278, at, sizes, 322, 323) else _SHORT
        packed = struct.pack(f"{order}{len(values)}{_DEPTHS[kind]}", *values)
        if len(packed) > 4:
            packed, more = struct.pack(order + "I", head + len(more)), more + packed
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(rows))
    return start + entries + b"\0\0\0\0" + more.ljust(far, b"\0") + b"".join(blocks)


def samples(kind: str = "u1", factor: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The values of `quarters`, of a type of NumPy's."""
    return (np.asarray(quarters()).astype(np.uint32) * factor).astype(kind)


Pixel = Callable[[int, int, int], bytes]


def bmp(bits: int, compression: int, data: bytes, *, after: bytes = b"", height: int = SIZE[1]) -> bytes:
    """A BMP with the header of Windows 3; `after` are its masks, its palette."""
    palette = len(after) // 4 if bits <= 8 else 0
    header = struct.pack(
        "<IiiHHIIiiII", 40, SIZE[0], height, 1, bits, compression, len(data), 0, 0, palette, 0
    )
    return _bmp_file(header + after, data)


def bmp_v5(space: bytes, profile: bytes = b"") -> bytes:
    """A BMP with the header of Windows 98, with a profile or without."""
    data = bmp_rows(lambda r, g, b: bytes((b, g, r)))
    header = struct.pack("<IiiHHIIiiII", 124, *SIZE, 1, 24, 0, len(data), 0, 0, 0, 0) + b"\0" * 16 + space
    header += b"\0" * 48 + struct.pack("<4I", 4, 124 + len(data), len(profile), 0)
    return _bmp_file(header, data) + profile


def bmp_rows(pixel: Pixel, *, downwards: bool = False) -> bytes:
    """The pixels of `quarters`, from the lowest row up."""
    image = quarters() if downwards else quarters().transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return b"".join(pixel(*colour) for colour in zip(*[iter(image.tobytes())] * 3, strict=True))


def run_lengths(bits: int) -> bytes:
    """The same, as runs of palette entries."""
    rows = b""
    for y in reversed(range(SIZE[1])):
        one, two = ((0, 1) if y < 16 else (2, 3)) if bits == 8 else ((0, 0x11) if y < 16 else (0x22, 0x33))
        rows += bytes((24, one, 24, two, 0, 0))
    return rows + b"\0\1"


def bmp_palette() -> bytes:
    """The four colours."""
    return b"".join(bytes((b, g, r, 0)) for r, g, b in COLOURS)


def _bmp_file(header: bytes, data: bytes) -> bytes:
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + data


def partial_gif(canvas: tuple[int, int], frame: tuple[int, int], at: tuple[int, int]) -> bytes:
    """A GIF whose only frame, of the first of `COLOURS`, is not of the size of its canvas."""
    image = Image.new("P", frame, 1)
    image.putpalette([10, 200, 10, *COLOURS[0]])
    data = encoded(image, "GIF", optimize=False)
    start = data.index(b",\0\0\0\0")
    return (
        data[:6]
        + struct.pack("<HH", *canvas)
        + data[10 : start + 1]
        + struct.pack("<HH", *at)
        + data[start + 5 :]
    )


def lossless_jpeg() -> bytes:
    """A JPEG of ITU-T T.81, annex H: mid-grey, as every difference is zero."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    frame = segment(0xC3, bytes((8, 0, 16, 0, 16, 1, 1, 0x11, 0)))
    table = segment(0xC4, bytes((0, 1, *[0] * 15, 0)))
    return b"\xff\xd8" + frame + table + segment(0xDA, bytes((1, 1, 0, 1, 0, 0))) + b"\0" * 32 + b"\xff\xd9"


def adam7(image: Image.Image) -> bytes:
    """The rows of an interlaced PNG (PNG specification, third edition, 8.1), filtered by none."""
    values, rows = np.asarray(image), b""
    for x, y, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        rows += b"".join(b"\0" + row.tobytes() for row in values[y::down, x::across])
    return rows
