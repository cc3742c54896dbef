"""What the client sends of an image in memory: the pixels that a file of it would have become."""

import io
import struct

import pytest
from PIL import Image

import pictures
from pentimento.pictures import encode
from tests.pictures.files import RED, encoded, p3, plain


def sent(image: Image.Image) -> Image.Image:
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
