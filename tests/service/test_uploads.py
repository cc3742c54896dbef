import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, PngImagePlugin

from service import uploads
from service.errors import ServiceError

RED = (200, 30, 40)


def encoded(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def plain(width: int = 40, height: int = 30) -> Image.Image:
    return Image.new("RGB", (width, height), RED)


def noisy(width: int = 64, height: int = 64) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def declared(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be of this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "a" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    return encoded(plain(), pnginfo=info)


def animated(name: str) -> bytes:
    frames = [noisy(), noisy()]
    return encoded(frames[0], name, save_all=True, append_images=frames[1:], duration=50)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='40' height='40'/></svg>"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\nshowpage\n"

REFUSED: list[tuple[str, Callable[[], bytes], int, str]] = [
    ("empty", lambda: b"", 422, "invalid_image"),
    ("text", lambda: b"not an image at all", 415, "unsupported_media_type"),
    ("gif", lambda: encoded(plain(), "GIF"), 415, "unsupported_media_type"),
    ("tiff", lambda: encoded(plain(), "TIFF"), 415, "unsupported_media_type"),
    ("bmp", lambda: encoded(plain(), "BMP"), 415, "unsupported_media_type"),
    ("svg", lambda: SVG, 415, "unsupported_media_type"),
    ("eps", lambda: EPS, 415, "unsupported_media_type"),
    ("riff that is no webp", lambda: b"RIFF\x10\0\0\0WAVEfmt " + b"\0" * 32, 415, "unsupported_media_type"),
    ("eps dressed as png", lambda: b"\x89PNG\r\n\x1a\n" + EPS, 422, "invalid_image"),
    ("gif dressed as jpeg", lambda: b"\xff\xd8\xff" + encoded(plain(), "GIF"), 422, "invalid_image"),
    ("magic only", lambda: b"\x89PNG\r\n\x1a\n", 422, "invalid_image"),
    ("truncated png", lambda: encoded(noisy())[:-3000], 422, "invalid_image"),
    ("truncated jpeg", lambda: encoded(noisy(), "JPEG")[:-900], 422, "invalid_image"),
    ("truncated webp", lambda: encoded(noisy(), "WEBP")[:-400], 422, "invalid_image"),
    ("flipped bit in png", lambda: flipped(encoded(noisy())), 422, "invalid_image"),
    ("animated png", lambda: animated("PNG"), 422, "invalid_image"),
    ("animated webp", lambda: animated("WEBP"), 422, "invalid_image"),
    ("one pixel", lambda: encoded(plain(1, 1)), 422, "invalid_image"),
    ("too small", lambda: encoded(plain(15, 20)), 422, "invalid_image"),
    ("too wide", lambda: encoded(plain(65, 32)), 422, "invalid_image"),
    ("too tall", lambda: encoded(plain(32, 65)), 422, "invalid_image"),
    ("text chunk bomb", text_bomb, 422, "invalid_image"),
    ("more than 40 MP", lambda: declared(7000, 6000), 413, "payload_too_large"),
    ("where pillow only warns", lambda: declared(11000, 10000), 413, "payload_too_large"),
    ("where pillow raises", lambda: declared(30000, 30000), 413, "payload_too_large"),
    ("too many bytes", lambda: encoded(plain()) + b"\0" * uploads.MAX_BYTES, 413, "payload_too_large"),
]


@pytest.mark.parametrize(
    ("make", "status", "code"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_is_refused_and_as_what(make: Callable[[], bytes], status: int, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        uploads.read(make())
    problem = caught.value.problem
    assert (problem.status, problem.code) == (status, code)
    assert problem.detail


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_pixel_cap_does_not_hang_on_a_warning() -> None:
    with pytest.raises(ServiceError, match="too many pixels"):
        uploads.read(declared(11000, 10000))


def test_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(ServiceError, match="too many pixels"):
        uploads.read(declared(7000, 6000))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
def test_what_is_kept_is_a_fresh_png_of_the_same_pixels(name: str) -> None:
    data = encoded(noisy(), name)
    upload = uploads.read(data)
    again = Image.open(io.BytesIO(upload.png))
    assert again.format == "PNG"
    assert again.mode == upload.image.mode == "RGB"
    assert again.tobytes() == upload.image.tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_a_polyglot_loses_its_tail() -> None:
    data = encoded(plain()) + b"<script>alert(1)</script>"
    assert b"script" not in uploads.read(data).png


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_applied_once(orientation: int, name: str) -> None:
    image = Image.new("RGB", (48, 32), "white")
    image.paste("black", (0, 0, 24, 16))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image if undo is None else image.transpose(undo)
    upload = uploads.read(encoded(stored, name, exif=exif))
    assert upload.image.size == (48, 32)
    corners = [upload.image.getpixel(at)[0] < 128 for at in ((4, 4), (43, 4), (4, 27), (43, 27))]
    assert corners == [True, False, False, False]
    assert not Image.open(io.BytesIO(upload.png)).getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_picture() -> None:
    assert uploads.read(encoded(plain(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).image.size == (
        40,
        30,
    )


def test_metadata_and_profiles_do_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    info = PngImagePlugin.PngInfo()
    info.add_text("gps", "somewhere")
    data = encoded(plain(), exif=exif, pnginfo=info, icc_profile=b"profile" * 40, dpi=(300, 300))
    kept = Image.open(io.BytesIO(uploads.read(data).png))
    kept.load()
    assert not kept.info


def grey16(value: int) -> Image.Image:
    return Image.new("I;16", (32, 32), value)


def see_through(mode: str, colour: tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (32, 32), colour)


def with_transparent_entry() -> bytes:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, *RED])
    return encoded(image, transparency=1)


CONVERTED = [
    ("grey", encoded(Image.new("L", (32, 32), 90)), (90, 90, 90)),
    ("bilevel", encoded(Image.new("1", (32, 32), 1)), (255, 255, 255)),
    ("16 bit dark", encoded(grey16(90 * 257)), (90, 90, 90)),
    ("16 bit bright", encoded(grey16(65535)), (255, 255, 255)),
    ("palette", encoded(plain().convert("P")), None),
    ("palette with a transparent entry", with_transparent_entry(), (255, 255, 255)),
    ("transparent", encoded(see_through("RGBA", (*RED, 0))), (255, 255, 255)),
    ("half transparent", encoded(see_through("RGBA", (0, 0, 0, 128))), (127, 127, 127)),
    ("opaque alpha", encoded(see_through("RGBA", (*RED, 255))), RED),
    ("grey with alpha", encoded(see_through("LA", (0, 0))), (255, 255, 255)),
    ("transparent webp", encoded(see_through("RGBA", (*RED, 0)), "WEBP", lossless=True), (255, 255, 255)),
    ("cmyk white", encoded(Image.new("CMYK", (32, 32), (0, 0, 0, 0)), "JPEG"), (255, 255, 255)),
    ("cmyk cyan", encoded(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG"), (0, 255, 255)),
]


@pytest.mark.parametrize(("data", "colour"), [row[1:] for row in CONVERTED], ids=[r[0] for r in CONVERTED])
def test_modes_become_rgb(data: bytes, colour: tuple[int, ...] | None) -> None:
    image = uploads.read(data).image
    assert image.mode == "RGB"
    pixel = image.getpixel((5, 5))
    wanted = colour or plain().convert("P").convert("RGB").getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert isinstance(wanted, tuple)
    assert all(abs(a - b) <= 2 for a, b in zip(pixel, wanted, strict=True))


def test_of_a_multi_picture_jpeg_the_first_counts() -> None:
    first, second = plain(), Image.new("RGB", (40, 30), "blue")
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    pixel = uploads.read(data).image.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 150 > pixel[2]


def test_the_widest_ratio_and_smallest_side_are_accepted() -> None:
    assert uploads.read(encoded(plain(32, 16))).image.size == (32, 16)
