"""What the client sends of an image in memory: the pixels that a file of it would have become."""

import io
import pickle
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pictures
from pentimento.pictures import Picture, decode, encode
from tests.pictures.files import RED, encoded, p3, plain


def sent(image: Picture) -> Image.Image:
    with Image.open(io.BytesIO(encode(image))) as arrived:
        arrived.load()
        return arrived


def test_sixteen_bits_arrive_as_the_same_pixels_in_a_file() -> None:
    values = struct.pack("<256H", *(257 * n for n in range(256)))
    image = Image.frombytes("I;16", (16, 16), values)
    assert sent(image).tobytes() == pictures.read(encoded(image)).image.tobytes()
    assert sent(image).convert("L").tobytes() == bytes(range(256))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_that_do_not_say_what_white_is_are_refused_by_name(mode: str) -> None:
    with pytest.raises(pictures.InvalidPicture, match=f"mode {mode},"):
        encode(Image.new(mode, (16, 16)))


def test_profile_orientation_and_transparency_are_settled_before_sending() -> None:
    image = Image.new("RGBA", (24, 16), (*RED, 0))
    image.info["icc_profile"] = p3()
    image.getexif()[0x0112] = 6
    arrived = sent(image)
    assert (arrived.size, arrived.getpixel((3, 3))) == ((16, 24), (255, 255, 255))
    assert not arrived.info


def test_files_are_sent_as_they_are() -> None:
    data = encoded(plain(), "JPEG", icc_profile=p3())
    assert encode(data) == encode(io.BytesIO(data)) == data


@pytest.mark.parametrize("shape", [(16, 24), (16, 24, 3), (16, 24, 4)])
def test_an_array_is_sent_as_the_picture_that_it_is(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert sent(values[::-1, ::-1]).tobytes() == sent(Image.fromarray(values[::-1, ::-1].copy())).tobytes()


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_an_array_of_sixteen_bits_keeps_its_brightness(kind: str) -> None:
    values = (257 * np.arange(256)).reshape(16, 16).astype(kind)
    assert sent(values).convert("L").tobytes() == bytes(range(256))


@pytest.mark.parametrize(
    "array",
    [np.zeros((16, 16), np.float32), np.zeros((16, 16, 2), np.uint8), np.zeros((3, 16, 16), np.uint8)],
)
def test_an_array_that_is_no_picture_is_refused_by_shape_and_type(array: Any) -> None:
    with pytest.raises(pictures.InvalidPicture, match=re.escape(f"shape {array.shape} and type")):
        encode(array)


@pytest.mark.parametrize("wrong", [7, None, ["cat.png"], {"image": b""}])
def test_what_is_no_picture_at_all_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"not of type {type(wrong).__name__}"):
        encode(wrong)


def test_a_file_opened_as_text_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_text("cat")
    with (tmp_path / "cat.png").open() as file, pytest.raises(TypeError, match="mode 'rb'"):
        encode(file)  # type: ignore[arg-type]


def test_a_served_picture_is_saved_as_it_was_served(tmp_path: Path) -> None:
    data = encoded(plain(), "PNG", compress_level=0)
    picture, there, buffer = decode(data), tmp_path / "cat.PNG", io.BytesIO()
    picture.save(there)
    picture.save(buffer, "png")
    assert there.read_bytes() == buffer.getvalue() == data


def test_one_that_was_changed_or_is_wanted_otherwise_is_encoded_anew(tmp_path: Path) -> None:
    data, there = encoded(plain(), "PNG", compress_level=0), tmp_path / "cat.png"
    picture = decode(data)
    picture.save(there, optimize=True)
    assert len(there.read_bytes()) < len(data)
    picture.save(tmp_path / "cat.webp")
    with Image.open(tmp_path / "cat.webp") as other:
        assert other.format == "WEBP"
    picture.putpixel((0, 0), (1, 2, 3))
    for changed in (picture, picture.copy(), pickle.loads(pickle.dumps(picture))):
        changed.save(there)
        with Image.open(there) as saved:
            assert saved.getpixel((0, 0)) == (1, 2, 3)
