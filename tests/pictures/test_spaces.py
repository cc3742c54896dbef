"""Colours that a file describes by numbers: what they look like, and which description counts."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import pictures
from pictures.curves import WHITE, hlg, pq
from pictures.spaces import coded, measured, primaries_of
from tests.pictures.files import chunk, encoded, noisy, p3, png

Colour = tuple[int, int, int]

SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
P3_RED = (234, 51, 35)  # in Display P3 what (255, 0, 0) is in sRGB


def gama(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chrm(points: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(each * 100_000) for each in points)))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, full)))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


SAYS_SRGB = chunk(b"sRGB", b"\0")


def seen(colour: Colour, *chunks: bytes) -> tuple[Colour, list[str]]:
    """The colour that a PNG of one colour has once it is read, and the codes of its warnings."""
    found = pictures.read(png((16, 16), [bytes(colour) * 16] * 16, *chunks))
    one: Any = found.image.getpixel((3, 3))
    return one, [change.code for change in found.changes]


def close(a: Colour, b: Colour, within: int = 1) -> bool:
    return all(abs(x - y) <= within for x, y in zip(a, b, strict=True))


def curved(light: float) -> int:
    light = min(1.0, max(0.0, light))
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def adobe_in_srgb(colour: Colour) -> Colour:
    """By the matrices of Adobe RGB (1998), 4.3.5.3, and of IEC 61966-2-1."""
    to_xyz = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    to_srgb = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    light = np.array(to_srgb) @ np.array(to_xyz) @ (np.array(colour) / 255) ** 2.2
    r, g, b = (curved(each) for each in light)
    return r, g, b


def test_a_linear_png_is_bright() -> None:
    assert close(seen((128, 55, 0), gama(1.0))[0], (curved(128 / 255), curved(55 / 255), 0))


@pytest.mark.parametrize("colour", [(100, 150, 100), (200, 120, 60), (128, 128, 128), (255, 255, 255)])
def test_adobe_rgb_without_a_profile(colour: Colour) -> None:
    found, changes = seen(colour, gama(1 / 2.2), chrm(ADOBE))
    assert (close(found, adobe_in_srgb(colour), 2), changes) == (True, [])


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "I;16"])
def test_a_png_of_any_mode_has_a_gamma(mode: str) -> None:
    said = PngImagePlugin.PngInfo()
    said.add(b"gAMA", struct.pack(">I", 100_000))
    image = Image.new("L", (16, 16), 55)
    image = Image.new(mode, (16, 16), 55 * 257) if mode == "I;16" else image.convert(mode)
    light = 0 if mode == "1" else 55 / 255
    found: Any = pictures.read(encoded(image, pnginfo=said)).image.getpixel((3, 3))
    assert close(found, (curved(light),) * 3)


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(0.45455)],
        [gama(0.45455), chrm(SRGB)],
        [chrm(SRGB)],
        [SAYS_SRGB, gama(1.0), chrm(ADOBE)],
        [cicp(1, 13), iccp(p3())],
        [cicp(2, 2)],
        [cicp(1, 1), gama(1.0)],
    ],
    ids=["gamma", "gamma and primaries", "primaries", "sRGB wins", "cICP wins", "unsaid", "as cameras"],
)
def test_what_is_srgb_changes_no_value(chunks: list[bytes]) -> None:
    image = noisy()
    data = encoded(image)
    at = data.index(b"IDAT") - 4
    assert pictures.read(data[:at] + b"".join(chunks) + data[at:]).image.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "chunks",
    [
        [cicp(12, 13)],
        [cicp(12, 13), iccp(p3()[:200]), SAYS_SRGB],
        [iccp(p3()), SAYS_SRGB, gama(1.0)],
        [cicp(12, 16, matrix=1), iccp(p3())],
    ],
    ids=["alone", "over a profile", "a profile over sRGB", "only RGB"],
)
def test_display_p3_by_numbers_and_what_counts_first(chunks: list[bytes]) -> None:
    assert close(seen(P3_RED, *chunks)[0], (255, 0, 0))


def test_black_of_a_narrow_range_is_black() -> None:
    assert seen((16, 16, 16), cicp(1, 13, full=0))[0] == (0, 0, 0)
    assert seen((235, 235, 235), cicp(1, 13, full=0))[0] == (255, 255, 255)


@pytest.mark.parametrize(
    "said",
    [gama(0), chrm((0.3, 0.3) * 4), chrm((0.3, 0.0, *SRGB[2:])), cicp(77, 13), cicp(9, 9)],
    ids=["no curve", "no triangle", "no white", "no primaries", "logarithmic"],
)
def test_numbers_of_no_use_are_passed_over_and_this_is_told(said: bytes) -> None:
    assert seen((90, 100, 200), said) == ((90, 100, 200), ["colour_profile_ignored"])


@pytest.mark.parametrize("said", [chunk(b"gAMA", b"\0"), chunk(b"cHRM", b""), chunk(b"cICP", b"\x0c")])
def test_damaged_numbers_say_nothing(said: bytes) -> None:
    assert seen((90, 100, 200), said) == ((90, 100, 200), [])


@pytest.mark.parametrize(("transfer", "paper"), [(16, 148), (18, 191)], ids=["PQ", "HLG"])
def test_high_dynamic_range_keeps_the_dark_and_compresses_the_bright(transfer: int, paper: int) -> None:
    shades = [
        seen((level, level, level), cicp(9, transfer))[0] for level in (0, 60, 90, 120, paper, 220, 255)
    ]
    greys = [shade[0] for shade in shades]
    assert all(close(shade, (shade[0],) * 3, 2) for shade in shades)
    assert greys == sorted(greys)
    assert (greys[0], greys[-1]) == (0, 255)
    assert 210 <= greys[4] <= 235  # white paper leaves room for what is brighter
    dark = pq(90 / 255) if transfer == 16 else 1000 / WHITE * hlg(90 / 255) ** 1.2
    assert close((greys[2],) * 3, (curved(dark),) * 3, 2)
    assert seen((paper, 60, 60), cicp(9, transfer))[1] == ["tone_mapped"]


def test_a_bright_colour_keeps_its_hue() -> None:
    red, green, blue = seen((200, 160, 130), cicp(9, 16))[0]
    assert red > green + 10 > blue + 20


def test_the_curves_of_bt_2100_at_the_white_of_paper() -> None:
    assert (round(pq(0.5807), 2), round(hlg(0.75), 3)) == (1.0, 0.265)


def named(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF that names other colours."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def test_the_colours_that_an_avif_names() -> None:
    plain = encoded(Image.new("RGB", (32, 32), P3_RED), "AVIF", quality=100, subsampling="4:4:4")
    as_it_is, found, bright = (
        pictures.read(data) for data in (plain, named(plain, 12, 13), named(plain, 9, 16))
    )
    pixel: Any = found.image.getpixel((3, 3))
    assert close(pixel, (255, 0, 0), 4)
    other: Any = as_it_is.image.getpixel((3, 3))
    assert close(other, P3_RED, 4)
    assert [change.code for change in bright.changes] == ["tone_mapped"]


def test_the_colours_that_a_heic_names() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    image = heif.from_pillow(Image.new("RGB", (32, 32), P3_RED))
    image.save(buffer, quality=-1, chroma=444, color_primaries=12, transfer_characteristics=13)
    pixel: Any = pictures.read(buffer.getvalue()).image.getpixel((3, 3))
    assert close(pixel, (255, 0, 0), 4)


def test_a_png_that_pillow_opened_is_as_the_file() -> None:
    data = png((16, 16), [bytes((100, 150, 100)) * 16] * 16, gama(1 / 2.2), chrm(ADOBE))
    with Image.open(io.BytesIO(data)) as image:
        found, _ = pictures.upright_srgb(image)
    assert found.tobytes() == pictures.read(data).image.tobytes()


def test_what_has_no_space() -> None:
    assert measured(None, None) is None
    assert coded(1, 13) is None
    with pytest.raises(ValueError, match="unpack"):
        primaries_of((0.3, 0.3))
