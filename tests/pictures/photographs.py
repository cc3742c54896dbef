"""Five photographs as cameras and scanners write them: scenes at four times the model's size."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from miniature.scenes import sample
from tests.pictures.files import encoded, grey_profile, p3


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A file, and what one sees in it."""

    name: str
    file: bytes
    seen: Image.Image
    caption: str


def photographs() -> list[Photograph]:
    """A phone's JPEG held upright, an AVIF, a scan in 16-bit grey, a JPEG cut short by two bytes, a WebP."""
    makers: dict[str, Callable[[Image.Image], tuple[bytes, Image.Image]]] = {
        "phone.jpg": _phone,
        "phone.avif": lambda scene: (encoded(_in_p3(scene), "AVIF", quality=95, icc_profile=p3()), scene),
        "scan.png": _scan,
        "cut.jpg": lambda scene: (encoded(scene, "JPEG", quality=95, comment=b"c" * 60_000)[:-2], scene),
        "web.webp": lambda scene: (encoded(scene, "WEBP", quality=95), scene),
    }
    made = []
    for seed, (name, make) in enumerate(makers.items(), 1_000_100):
        scene = sample(seed)
        file, seen = make(scene.render(scale=4, grain=0.02))
        made.append(Photograph(name=name, file=file, seen=seen, caption=scene.caption))
    return made


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size, in levels of 255."""
    pair = [np.asarray(image.convert("RGB"), dtype=float) for image in (one, other)]
    return float(np.abs(pair[0] - pair[1]).mean())


def _phone(scene: Image.Image) -> tuple[bytes, Image.Image]:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = _in_p3(scene).transpose(Image.Transpose.ROTATE_90)
    return encoded(lying, "JPEG", quality=95, exif=exif, icc_profile=p3()), scene


def _scan(scene: Image.Image) -> tuple[bytes, Image.Image]:
    grey = np.asarray(scene.convert("L"), dtype=np.float64) / 255
    linear = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    deep = Image.fromarray((linear * 65535).round().astype(np.uint16))
    return encoded(deep, icc_profile=grey_profile(1.0)), scene.convert("L")


def _in_p3(scene: Image.Image) -> Image.Image:
    display = ImageCms.ImageCmsProfile(io.BytesIO(p3()))
    made = ImageCms.profileToProfile(scene, ImageCms.createProfile("sRGB"), display)
    assert made is not None
    return made
