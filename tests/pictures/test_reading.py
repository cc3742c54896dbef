"""Files as pictures: what is decoded, how it looks then, and what is refused before it costs anything."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, PngImagePlugin

import pictures
from pictures import Fit, InvalidPicture, PictureError, PictureTooLarge, UnsupportedFormat
from tests.pictures.files import (
    CASES,
    RED,
    chunk,
    declared,
    declared_jpeg,
    encoded,
    noisy,
    plain,
    png,
)

try:
    import pillow_heif
except ImportError:
    pillow_heif = None


def heic(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=-1, chroma=444, **options)
    return buffer.getvalue()


def close(a: object, b: object, within: int = 2) -> bool:
    assert isinstance(a, tuple)
    assert isinstance(b, tuple)
    return len(a) == len(b) and all(abs(x - y) <= within for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_becomes_the_pixels_that_its_decoder_gives(name: str) -> None:
    data = encoded(noisy(), name)
    picture = pictures.read(data)
    assert picture.image.mode == "RGB"
    with Image.open(io.BytesIO(data)) as image:
        assert picture.image.tobytes() == image.convert("RGB").tobytes()
    assert picture.changes == ()


@pytest.mark.skipif(pillow_heif is None, reason="needs the extra heic")
def test_heic_is_decoded_where_its_decoder_is_there() -> None:
    assert close(pictures.read(heic(plain())).image.getpixel((20, 15)), RED)


def test_heic_without_its_decoder_is_named_with_what_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(UnsupportedFormat, match=r"is HEIC, .*pentimento\[heic\].*JPEG"):
        pictures.read(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64)


def test_an_avif_of_another_encoder() -> None:
    assert close(pictures.read((CASES / "x.avif").read_bytes()).image.getpixel((8, 8)), (255, 0, 0))


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_several_frames_the_first_counts_and_this_is_told(name: str) -> None:
    frames = [plain(), Image.new("RGB", (40, 30), "blue")]
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:], duration=50)
    picture = pictures.read(data)
    assert close(picture.image.getpixel((5, 5)), RED, 4)
    assert [change.code for change in picture.changes] == ["first_frame"]


def test_of_a_multi_picture_jpeg_the_first_counts() -> None:
    data = encoded(plain(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30), "blue")])
    assert close(pictures.read(data).image.getpixel((5, 5)), RED)


UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", UNDO)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIC"])
def test_orientation_is_applied_once(orientation: int, name: str) -> None:
    image = Image.new("RGB", (48, 32), "white")
    image.paste("black", (0, 0, 24, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = UNDO[orientation]
    stored = image if undo is None else image.transpose(undo)
    if name == "HEIC":
        if pillow_heif is None:
            pytest.skip("needs the extra heic")
        data = heic(stored, exif=exif.tobytes())
    else:
        data = encoded(stored, name, exif=exif)
    found = pictures.read(data).image
    assert found.size == (48, 32)
    corners = [found.convert("L").getpixel(at) < 128 for at in ((4, 4), (43, 4), (4, 27), (43, 27))]
    assert corners == [True, False, False, False]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_an_orientation_in_xmp_is_of_no_format(name: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert pictures.read(encoded(plain(40, 30), name, xmp=xmp)).image.size == (40, 30)


def test_damaged_exif_does_not_cost_the_picture() -> None:
    data = encoded(plain(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert pictures.read(data).image.size == (40, 30)


def zipped_text(size: int) -> bytes:
    return chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"a" * size))


@pytest.mark.parametrize(
    "extra",
    [
        zipped_text(2**20 + 1),
        zipped_text(300 * 2**20),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"a" * 2**21)),
        b"".join(zipped_text(2**20) for _ in range(80)),
        chunk(b"iCCP", b"huge\0\0" + zlib.compress(b"a" * 2**26)),
        chunk(b"iCCP", b"broken\0\0" + b"not zlib"),
        chunk(b"pHYs", b"short"),
        chunk(b"tEXt", b"comment\0x")[:-4] + b"\0\0\0\0",
        chunk(b"eXIf", b"nothing of the kind"),
    ],
    ids=["1 MiB", "300 MiB", "xmp", "many", "profile", "broken profile", "malformed", "checksum", "exif"],
)
def test_what_is_dropped_anyway_invalidates_no_png_and_takes_no_memory(extra: bytes) -> None:
    data = png((16, 16), [bytes(RED) * 16] * 16, extra)
    tracemalloc.start()
    image = pictures.read(data).image
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.getcolors() == [(256, RED)]
    assert peak < 12 * 2**20 + 3 * len(data)


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xe2\x00\x0eMPF\0II*\0\x08\0\0\0",
        b"\xff\xe1\x00\x0aExif\0\0xx",
        b"\xff\xe1\x00\x22http://ns.adobe.com/xap/1.0/\0<x>",
        b"\xff\xed\x00\x10Photoshop 3.0\0",
        b"\xff\xe2\x00\x10ICC_PROFILE\0\x02\x01",
        b"\xff\xfe\xff\xff" + b"c" * 65533,
    ],
    ids=["mpf", "exif", "xmp", "photoshop", "profile", "comment"],
)
def test_what_is_dropped_anyway_invalidates_no_jpeg(segment: bytes) -> None:
    data = encoded(plain(), "JPEG")
    assert close(pictures.read(data[:2] + segment + data[2:]).image.getpixel((5, 5)), RED)


def test_metadata_profiles_and_tails_do_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    info = PngImagePlugin.PngInfo()
    info.add_text("gps", "somewhere")
    data = encoded(plain(), exif=exif, pnginfo=info, dpi=(300, 300)) + b"<script>"
    kept = pictures.read(data).image
    again = encoded(kept)
    assert not kept.info
    assert not kept.getexif()
    assert b"somewhere" not in again
    assert b"home" not in again


def jpeg_variants() -> list[tuple[str, bytes]]:
    image = noisy(96, 80)
    flat = plain(96, 80)
    return [
        ("baseline", encoded(image, "JPEG")),
        ("progressive", encoded(image, "JPEG", progressive=True)),
        ("restarts", encoded(image, "JPEG", restart_marker_rows=1)),
        ("grey", encoded(image.convert("L"), "JPEG")),
        ("cmyk", encoded(image.convert("CMYK"), "JPEG")),
        ("flat", encoded(flat, "JPEG")),
        ("mid grey", encoded(Image.new("RGB", (96, 80), (128, 128, 128)), "JPEG")),
        ("mid grey progressive", encoded(Image.new("L", (96, 80), 128), "JPEG", progressive=True)),
    ]


@pytest.mark.parametrize(("name", "data"), jpeg_variants(), ids=[name for name, _ in jpeg_variants()])
@pytest.mark.parametrize("tail", [b"", b"\xff", b"\xff\xd9", b"\xff\xd9\0\0\0junk\xff"])
def test_a_jpeg_may_lack_its_end_marker(name: str, data: bytes, tail: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        expected = image.convert("RGB").tobytes()
    assert pictures.read(data[:-2] + tail).image.tobytes() == expected


CUT = [
    pytest.param(data, tail, kept, id=f"{name}, {kept:.0%}, {'ended' if tail else 'cut'}")
    for name, data in jpeg_variants()[:6]
    for kept in (0.3, 0.6, 0.9)
    for tail in (b"", b"\xff\xd9")
    if not (name == "progressive" and tail)  # has every row, if less sharp
]


@pytest.mark.parametrize(("data", "tail", "kept"), CUT)
def test_a_jpeg_may_not_end_in_the_middle_of_its_rows(data: bytes, tail: bytes, kept: float) -> None:
    start = data.index(b"\xff\xda") + 14
    cut = start + int((len(data) - start) * kept)
    with pytest.raises(InvalidPicture, match="middle of its rows"):
        pictures.read(data[:cut] + tail)


def test_a_png_may_lack_its_end_chunk() -> None:
    data = encoded(noisy())
    assert pictures.read(data[:-12]).image.tobytes() == pictures.read(data).image.tobytes()


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


SVG = b"<?xml version='1.0'?>\n<!-- a > b -->\n<svg xmlns='http://www.w3.org/2000/svg'/>"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\nshowpage\n"


def raw_photograph(*tags: tuple[int, int]) -> bytes:
    """A TIFF that a camera might have written: a small preview, and elsewhere what the sensor saw."""
    image = Image.new("RGB", (32, 32), RED)
    return encoded(image, "TIFF", tiffinfo=dict(tags))


def deep_jpeg() -> bytes:
    return encoded(noisy(), "JPEG").replace(b"\x08\0@\0@", b"\x0c\0@\0@")


def declared_gif(width: int, height: int) -> bytes:
    data = encoded(plain(), "GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


REFUSED: list[tuple[str, Callable[[], bytes], type[PictureError], str]] = [
    ("empty", lambda: b"", InvalidPicture, "empty"),
    ("text", lambda: b"not an image at all", UnsupportedFormat, "no picture of a known format; PNG, JPEG"),
    ("svg", lambda: SVG, UnsupportedFormat, "an SVG drawing.*Render"),
    ("bare svg", lambda: b"<svg/>", UnsupportedFormat, "an SVG drawing"),
    ("eps", lambda: EPS, UnsupportedFormat, "EPS"),
    ("pdf", lambda: b"%PDF-1.7\n", UnsupportedFormat, "PDF document.*Save the page as PNG"),
    ("psd", lambda: b"8BPS\0\1", UnsupportedFormat, "Photoshop"),
    ("jpeg xl", lambda: b"\xff\x0a" + b"\0" * 40, UnsupportedFormat, "JPEG XL.*Save it as PNG"),
    ("jpeg 2000", lambda: b"\0\0\0\x0cjP  \r\n\x87\n", UnsupportedFormat, "JPEG 2000"),
    ("mp4", lambda: b"\0\0\0\x18ftypisom\0\0\2\0", UnsupportedFormat, "a video.*frames"),
    ("cr2", lambda: b"II*\0\x10\0\0\0CR\2\0", UnsupportedFormat, "raw file.*Develop"),
    ("dng", lambda: raw_photograph((50706, 1)), UnsupportedFormat, "raw file.*Develop"),
    ("nef", lambda: raw_photograph((254, 1), (330, 8)), UnsupportedFormat, "raw file.*Develop"),
    ("wave", lambda: b"RIFF\x10\0\0\0WAVEfmt " + b"\0" * 32, UnsupportedFormat, "sound"),
    ("html", lambda: b"<!DOCTYPE html><html>", UnsupportedFormat, "web page"),
    ("12-bit jpeg", deep_jpeg, UnsupportedFormat, "12 bits"),
    ("eps dressed as png", lambda: b"\x89PNG\r\n\x1a\n" + EPS, InvalidPicture, "PNG"),
    ("gif dressed as jpeg", lambda: b"\xff\xd8\xff" + encoded(plain(), "GIF"), InvalidPicture, "JPEG"),
    ("magic only", lambda: b"\x89PNG\r\n\x1a\n", InvalidPicture, "PNG"),
    ("truncated png", lambda: encoded(noisy())[:-3000], InvalidPicture, "cut off"),
    ("truncated webp", lambda: encoded(noisy(), "WEBP")[:-400], InvalidPicture, "cut off"),
    ("truncated avif", lambda: encoded(noisy(), "AVIF")[:-400], InvalidPicture, "cut off"),
    ("truncated bmp", lambda: encoded(noisy(), "BMP")[:-400], InvalidPicture, "cut off"),
    ("truncated tiff", lambda: encoded(noisy(), "TIFF")[:-400], InvalidPicture, "cut off"),
    ("flipped bit in png", lambda: flipped(encoded(noisy())), InvalidPicture, "damaged"),
    ("one pixel", lambda: encoded(plain(1, 1)), InvalidPicture, "16 pixels"),
    ("too small", lambda: encoded(plain(15, 20)), InvalidPicture, "16 pixels"),
    ("too wide", lambda: encoded(plain(65, 32)), InvalidPicture, "fit 'crop'"),
    ("too tall", lambda: encoded(plain(32, 65)), InvalidPicture, "fit 'crop'"),
    ("png of 121 MP", lambda: declared(11000, 11000), PictureTooLarge, "11000x11000"),
    ("png of 900 MP", lambda: declared(30000, 30000), PictureTooLarge, "at most 100000000"),
    ("jpeg of 400 MP", lambda: declared_jpeg(20000, 20000), PictureTooLarge, "at most 256000000"),
    (
        "progressive jpeg of 144 MP",
        lambda: declared_jpeg(12000, 12000, progressive=True),
        PictureTooLarge,
        "at most 100000000",
    ),
    ("gif of 400 MP", lambda: declared_gif(20000, 20000), PictureTooLarge, "20000x20000"),
]


@pytest.mark.parametrize(("make", "kind", "text"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_refused_and_as_what(
    make: Callable[[], bytes], kind: type[PictureError], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is PictureTooLarge:

        def load(self: object) -> None:
            raise AssertionError("decoded")

        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(kind, match=text):
        pictures.read(make())


def test_a_svg_that_never_begins_is_looked_at_in_no_time() -> None:
    with pytest.raises(UnsupportedFormat):
        pictures.read(b"<!--" * 2**18)


@pytest.mark.parametrize(("name", "size"), [("JPEG", (640, 480)), ("PNG", (640, 480)), ("TIFF", (480, 640))])
def test_more_pixels_than_are_kept_are_scaled_down_and_this_is_told(name: str, size: tuple[int, int]) -> None:
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    picture = pictures.read(encoded(image, name), pixels=20_000)
    width, height = picture.image.size
    assert 19_000 < width * height <= 20_000
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)
    [change] = picture.changes
    assert change.code == "scaled_down"
    assert f"{size[0]}x{size[1]}" in change.message
    assert f"{width}x{height}" in change.message
    small = image.resize(picture.image.size)
    middle = width // 2, height // 2
    assert close(picture.image.getpixel(middle), small.getpixel(middle), 4)


def test_a_jpeg_is_scaled_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def seen(self: Image.Image, *how: object, **more: object) -> Image.Image:
        sizes.append(self.size)
        return resize(self, *how, **more)  # type: ignore[arg-type]

    data = encoded(noisy(1600, 1200), "JPEG")
    monkeypatch.setattr(Image.Image, "resize", seen)
    assert pictures.read(data, pixels=40_000).image.size == (230, 173)
    assert set(sizes) == {(400, 300)}


def test_a_photograph_of_fifty_megapixels_fits() -> None:
    data = encoded(Image.new("RGB", (8160, 6144), RED), "JPEG")
    picture = pictures.read(data)
    assert 39_900_000 < picture.image.width * picture.image.height <= 40_000_000
    assert [change.code for change in picture.changes] == ["scaled_down"]


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        ((60, 20), Fit.CROP, (40, 20)),
        ((20, 60), Fit.CROP, (20, 40)),
        ((60, 20), Fit.STRETCH, (40, 20)),
        ((60, 20), Fit.PAD, (60, 30)),
        ((16, 33), Fit.PAD, (17, 33)),
        ((40, 30), Fit.CROP, (40, 30)),
        ((40, 20), Fit.PAD, (40, 20)),
    ],
)
def test_a_long_picture_is_made_to_fit_as_asked(
    size: tuple[int, int], fit: Fit, expected: tuple[int, int]
) -> None:
    image = plain(*size)
    image.paste("blue", (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    found = pictures.read(encoded(image), fit=fit).image
    assert found.size == expected
    assert close(found.getpixel((expected[0] // 2, expected[1] // 2)), (0, 0, 255))
    padded = expected == (60, 30)
    assert close(found.getpixel((0, 0)), (255, 255, 255) if padded else RED)


def test_padding_does_not_make_a_picture_too_large() -> None:
    picture = pictures.read(encoded(plain(2000, 20)), fit=Fit.PAD, pixels=100_000)
    width, height = picture.image.size
    assert width <= 2 * height
    assert width * height <= 101_000
    assert [change.code for change in picture.changes] == ["scaled_down"]
