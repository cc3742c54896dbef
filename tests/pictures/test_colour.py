"""Colours as they are meant, whatever the numbers that say so."""

import io
import struct
from typing import Any

import pytest
from PIL import Image, ImageCms

import pictures
from pictures import InvalidPicture
from tests.pictures.files import (
    CASES,
    RED,
    chunk,
    cmyk_profile,
    encoded,
    grey_profile,
    noisy,
    p3,
    plain,
    png,
)

Colour = tuple[int, int, int]


def seen(data: bytes) -> Colour:
    """The one colour of a picture."""
    colours = pictures.read(data).image.getcolors()
    assert colours is not None
    assert len(colours) == 1
    colour: Any = colours[0][1]
    return colour  # type: ignore[no-any-return]


def close(a: Colour, b: Colour, within: int = 2) -> bool:
    return all(abs(x - y) <= within for x, y in zip(a, b, strict=True))


def flat(mode: str, colour: Any) -> Image.Image:
    return Image.new(mode, (32, 32), colour)


def linear_to_srgb(value: float) -> int:
    return round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055))


def test_a_phones_red_stays_red() -> None:
    assert seen((CASES / "p3_red.png").read_bytes()) == (255, 0, 0)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_rgb_profiles_are_converted_and_stripped(name: str) -> None:
    more = {"lossless": True} if name == "WEBP" else {"quality": 100, "subsampling": "4:4:4"}
    # 12 % green in Display P3 is outside sRGB: its red would be negative.
    data = encoded(flat("RGB", (70, 190, 80)), name, icc_profile=p3(), **more)
    picture = pictures.read(data).image
    inside = ImageCms.profileToProfile(
        flat("RGB", (70, 190, 80)), ImageCms.ImageCmsProfile(io.BytesIO(p3())), ImageCms.createProfile("sRGB")
    )
    assert inside is not None
    expected: Any = inside.getpixel((0, 0))
    found: Any = picture.getpixel((0, 0))
    assert close(found, expected, 4)
    assert not close(found, (70, 190, 80), 8)
    assert "icc_profile" not in picture.info


@pytest.mark.parametrize(("mode", "value"), [("L", 128), ("I;16", 128 * 257)])
def test_grey_profiles_are_converted(mode: str, value: int) -> None:
    grey = linear_to_srgb((128 / 255) ** 1.0)
    found = seen(encoded(flat(mode, value), icc_profile=grey_profile(1.0)))
    assert close(found, (grey, grey, grey))


@pytest.mark.parametrize("form", ["WEBP", "PNG"])
def test_a_grey_profile_is_of_a_grey_picture_in_any_mode(form: str) -> None:
    image = Image.new("L", (40, 30), 55).convert("RGB")
    found = pictures.read(encoded(image, form, lossless=True, icc_profile=grey_profile(1.0)))
    assert (found.image.getpixel((5, 5)), found.changes) == ((128, 128, 128), ())


@pytest.mark.parametrize(("photometric", "seen"), [(0, 200), (1, 55)])
def test_a_deep_tiff_may_count_from_white(photometric: int, seen: int) -> None:
    data = encoded(Image.new("I;16", (40, 30), 55 * 257), "TIFF", tiffinfo={262: photometric})
    assert pictures.read(data).image.getpixel((5, 5)) == (seen, seen, seen)


def test_cmyk_profiles_are_converted() -> None:
    lime, navy, rose, soot = (87.7, -86.2, 83.2), (13.0, 47.5, -64.7), (60.0, 60.0, 10.0), (20.0, 0.0, 0.0)
    embedded = cmyk_profile(lime, navy, rose, soot)
    for ink, name in [(ink, name) for ink in range(4) for name in ("JPEG", "TIFF")]:
        full = tuple(255 if n == ink else 0 for n in range(4))
        lab = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        L, a, b = (lime, navy, rose, soot)[ink]
        sample = ImageCms.applyTransform(flat("LAB", (round(L * 2.55), round(a) + 128, round(b) + 128)), lab)
        assert sample is not None
        expected: Any = sample.getpixel((0, 0))
        best = {"quality": 100} if name == "JPEG" else {}
        found = seen(encoded(flat("CMYK", full), name, icc_profile=embedded, **best))
        assert close(found, expected, 8), (ink, name)


@pytest.mark.parametrize("image", [noisy(), noisy().convert("L")], ids=["RGB", "L"])
def test_an_srgb_profile_changes_no_value(image: Image.Image) -> None:
    embedded = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (
        pictures.read(encoded(image, icc_profile=embedded)).image.tobytes() == image.convert("RGB").tobytes()
    )


@pytest.mark.parametrize(
    ("image", "profile"),
    [
        (plain(), b"profile" * 40),
        (plain(), p3()[:300]),
        (plain(), grey_profile(1.0)),
        (plain(), cmyk_profile(*[(50.0, 0.0, 0.0)] * 4)),
    ],
    ids=["nonsense", "cut off", "of grey", "of inks"],
)
def test_a_profile_of_no_use_is_passed_over_and_this_is_told(image: Image.Image, profile: bytes) -> None:
    picture = pictures.read(encoded(image, icc_profile=profile))
    assert picture.image.getpixel((5, 5)) == RED
    assert [change.code for change in picture.changes] == ["colour_profile_ignored"]


def test_transparency_is_laid_over_the_white_of_srgb() -> None:
    clear = encoded(flat("RGBA", (*RED, 0)), icc_profile=p3())
    assert seen(clear) == (255, 255, 255)


def grey_png(depth: int, value: int, clear: int) -> bytes:
    """A PNG of one grey of so many bits, and a transparent grey."""
    row = (
        struct.pack(">16H", *[value] * 16)
        if depth == 16
        else bytes([sum(value << shift for shift in range(0, 8, depth))] * (2 * depth))
    )
    return png((16, 16), [row] * 16, chunk(b"tRNS", struct.pack(">H", clear)), depth=depth, colour=0)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_white_and_its_neighbour_is_not(depth: int) -> None:
    top = 2**depth - 1
    clear = top // 3
    assert seen(grey_png(depth, clear, clear)) == (255, 255, 255)
    other = clear + 1
    assert seen(grey_png(depth, other, clear)) == (round(255 * other / top),) * 3


def test_the_transparent_colour_of_a_deep_png_is_white() -> None:
    pixel = struct.pack(">3H", 1000, 20000, 60000)
    data = png((16, 16), [pixel * 16] * 16, chunk(b"tRNS", pixel), depth=16)
    assert seen(data) == (255, 255, 255)


def palette_with_a_clear_entry() -> bytes:
    image = flat("P", 1)
    image.putpalette([0, 0, 0, *RED])
    return encoded(image, transparency=1)


def interlaced(value: int) -> bytes:
    return encoded(flat("I;16", value), "TIFF", compression="tiff_lzw")


LAB = encoded(flat("LAB", (138, 209, 198)), "TIFF")  # L* 54.3, a* 80.8, b* 69.9: the red of sRGB

CONVERTED: list[tuple[str, bytes, Colour]] = [
    ("grey", encoded(flat("L", 90)), (90, 90, 90)),
    ("bilevel", encoded(flat("1", 1)), (255, 255, 255)),
    ("16 bit dark", encoded(flat("I;16", 90 * 257)), (90, 90, 90)),
    ("16 bit rounds", encoded(flat("I;16", 90 * 257 + 200)), (91, 91, 91)),
    ("16 bit bright", encoded(flat("I;16", 65535)), (255, 255, 255)),
    ("16 bit tiff", interlaced(90 * 257), (90, 90, 90)),
    ("palette with a transparent entry", palette_with_a_clear_entry(), (255, 255, 255)),
    ("transparent", encoded(flat("RGBA", (*RED, 0))), (255, 255, 255)),
    ("half transparent", encoded(flat("RGBA", (0, 0, 0, 128))), (127, 127, 127)),
    ("opaque alpha", encoded(flat("RGBA", (*RED, 255))), RED),
    ("grey with alpha", encoded(flat("LA", (0, 0))), (255, 255, 255)),
    ("transparent webp", encoded(flat("RGBA", (*RED, 0)), "WEBP", lossless=True), (255, 255, 255)),
    ("transparent gif", encoded(flat("P", 1), "GIF", transparency=1), (255, 255, 255)),
    ("transparent tiff", encoded(flat("RGBA", (*RED, 0)), "TIFF"), (255, 255, 255)),
    ("cmyk white", encoded(flat("CMYK", (0, 0, 0, 0)), "JPEG"), (255, 255, 255)),
    ("cmyk cyan", encoded(flat("CMYK", (255, 0, 0, 0)), "JPEG"), (0, 255, 255)),
    ("lab", LAB, (255, 0, 0)),
    ("ycbcr tiff", encoded(flat("YCbCr", (128, 128, 128)), "TIFF"), (128, 128, 128)),
]


@pytest.mark.parametrize(("data", "colour"), [r[1:] for r in CONVERTED], ids=[r[0] for r in CONVERTED])
def test_every_kind_of_file_becomes_the_colour_one_sees(data: bytes, colour: Colour) -> None:
    assert close(seen(data), colour, 6 if data is LAB else 2)


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_sixteen_bits_in_memory_are_the_same_as_in_a_file(mode: str) -> None:
    order = {"I;16B": ">", "I;16N": "="}.get(mode, "<")
    values = struct.pack(f"{order}256H", *(257 * n for n in range(256)))
    found, _ = pictures.upright_srgb(Image.frombytes(mode, (16, 16), values))
    assert found.convert("L").tobytes() == bytes(range(256))


MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_pillow_becomes_rgb(mode: str) -> None:
    found, _ = pictures.upright_srgb(Image.new(mode, (4, 4)))
    assert found.mode == "RGB"


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_a_white_are_refused_by_name(mode: str) -> None:
    with pytest.raises(InvalidPicture, match=f"mode {mode}, .*I;16"):
        pictures.upright_srgb(Image.new(mode, (4, 4)))


def test_the_picture_that_was_given_stays_as_it_was() -> None:
    image = plain()
    image.info["icc_profile"] = p3()
    before = image.tobytes(), dict(image.info)
    found, _ = pictures.upright_srgb(image)
    assert found is not image
    assert (image.tobytes(), image.info) == before
