"""Files and colour profiles, made by hand where no encoder makes them."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

CASES = Path(__file__).parent.parent / "cases"
RED = (200, 30, 40)


def encoded(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    """The image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def plain(width: int = 40, height: int = 30) -> Image.Image:
    """One colour."""
    return Image.new("RGB", (width, height), RED)


def noisy(width: int = 64, height: int = 64) -> Image.Image:
    """Pixels that no codec makes small."""
    return Image.effect_noise((width, height), 80).convert("RGB")


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    size: tuple[int, int], rows: Sequence[bytes], *chunks: bytes, depth: int = 8, colour: int = 2
) -> bytes:
    """A PNG of these unfiltered rows."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def declared(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be of this size."""
    return png((width, height), [b"\0" * 1000])


def declared_jpeg(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A tiny JPEG that claims to be of this size."""
    data = encoded(plain(16, 16), "JPEG", progressive=progressive)
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def profile(space: bytes, *tags: tuple[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2, of a printer or a display (ICC.1:2001-04)."""
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    white = (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1, 0.8249))))
    table, bodies, at = b"", b"", 128 + 4 + 12 * (len(tags) + 1)
    for name, body in (white, *tags):
        padded = body + b"\0" * (-len(body) % 4)
        table += name + struct.pack(">II", at + len(bodies), len(body))
        bodies += padded
    rest = struct.pack(">I", len(tags) + 1) + table + bodies
    header = struct.pack(">I", 128 + len(rest)) + b"\0\0\0\0" + b"\x02\x10\0\0" + kind + space + pcs
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + rest


def grey_profile(gamma: float) -> bytes:
    """Grey of a pure power law."""
    return profile(b"GRAY", (b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"))


def cmyk_profile(*inks: tuple[float, float, float]) -> bytes:
    """CMYK whose full cyan, magenta, yellow and black are these L*a*b* colours; two inks give black."""
    paper = (100.0, 0.0, 0.0)
    nodes = b""
    for n in range(16):
        on = [inks[i] for i in range(4) if n >> (3 - i) & 1]
        L, a, b = paper if not on else on[0] if len(on) == 1 else (0.0, 0.0, 0.0)
        nodes += bytes((round(L * 2.55), round(a + 128), round(b + 128)))
    identity = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0))
    lut += struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut += identity * 4 + nodes + identity * 3
    return profile(b"CMYK", (b"A2B0", lut), pcs=b"Lab ")


def p3() -> bytes:
    """Display P3, as phones embed it."""
    with Image.open(CASES / "p3_red.png") as image:
        embedded: bytes = image.info["icc_profile"]
    return embedded
