"""Any picture of Pillow's as it is meant to look: upright, in 8-bit sRGB, over one colour."""

import io
from collections.abc import Callable, Mapping
from typing import Any, Final

from PIL import Image, ImageChops, ImageCms, ImageMath, ImageOps

from pictures.errors import Change, InvalidPicture
from pictures.exif import camera_colours
from pictures.hdr import tone_mapped
from pictures.icc import display_profile
from pictures.spaces import Space, coded, measured, primaries_of

_MODES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
_MEASURED: Final = ("gamma", "chromaticity")
_CUBE: Final = 9
_ORIENTATION: Final = 0x0112
_IGNORED: Final = Change(
    code="colour_profile_ignored",
    message="The picture's colour profile cannot be used with it; its numbers were taken for sRGB.",
)
_TONE_MAPPED: Final = Change(
    code="tone_mapped",
    message="The picture is of high dynamic range; what is brighter than white paper was compressed.",
)


def upright_srgb(image: Image.Image, *, over: str = "white") -> tuple[Image.Image, tuple[Change, ...]]:
    """The picture turned as its EXIF says, converted to sRGB, and laid `over` a colour.

    Its `info` says what its values mean; the first of these counts: `cicp` (primaries, transfer and whether
    the range is full, by ITU-T H.273), `icc_profile`, `nclx_profile` (as pillow-heif has it), `srgb`,
    `chromaticity` with `gamma`, and `exif`. 16-bit grey is scaled to 8 bits. The result is RGB and carries no
    metadata.

    Raises InvalidPicture: it is no picture, has no pixels or unreadable ones, or is of mode I or F, which say
    nothing of how bright white is.
    """
    if not isinstance(image, Image.Image):
        raise InvalidPicture(f"The image is no picture but of type {type(image).__name__}.")
    try:
        image.load()
        if not (image.width and image.height):
            raise InvalidPicture("The image has no pixels.")
        colours, alpha = _eight_bits(_turned(image))
        rgb, changes = _srgb(colours, image.info)
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidPicture(f"The image cannot be read: {error}.") from error
    if alpha is not None:
        laid = Image.new("RGB", rgb.size, over)
        laid.paste(rgb, mask=alpha)  # as `Image.composite` does, with a copy less
        rgb = laid
    elif rgb is image:
        rgb = rgb.copy()
    rgb.info = {}
    return rgb, changes


def _turned(image: Image.Image) -> Image.Image:
    try:
        upright = image.getexif().get(_ORIENTATION, 1) == 1
        return image if upright else ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF says nothing about the orientation; the picture itself is fine
        return image


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours in 8 bits, and how opaque each pixel is unless all are."""
    if image.mode in ("I", "F"):
        raise InvalidPicture(
            f"The image is of mode {image.mode}, which does not say how bright white is. "
            "Scale it to 0..255 and convert it to mode L, or to 0..65535 and mode I;16."
        )
    if image.mode.startswith("I;16"):
        return _sixteen_bits(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("L", "LA") and image.has_transparency_data:
        image = image.convert("LA")
        return image.getchannel("L"), image.getchannel("A")
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        return image.convert("RGB"), image.getchannel("A")
    return image if image.mode in _MODES.values() else image.convert("RGB"), None


def _sixteen_bits(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    wide = image.convert("I")
    grey = _compute(lambda i: (i * 255 + 32767) / 65535, wide)
    clear = image.info.get("transparency")
    return grey, None if clear is None else _compute(lambda i: (i != clear) * 255, wide)


def _compute(formula: Callable[[Any], Any], image: Image.Image) -> Image.Image:
    made: Image.Image = ImageMath.lambda_eval(lambda of: of["convert"](formula(of["i"]), "L"), i=image)
    return made


def _srgb(image: Image.Image, info: Mapping[Any, Any]) -> tuple[Image.Image, tuple[Change, ...]]:
    """The picture converted to sRGB, and the warnings of the conversion."""
    try:
        meant = _meant(info)
        if isinstance(meant, Space) and meant.hdr:
            return tone_mapped(_rgb(image), meant), (_TONE_MAPPED,)
        converted = _converted(image, display_profile(meant) if isinstance(meant, Space) else meant)
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = None
    return (_rgb(image), (_IGNORED,)) if converted is None else (converted, ())


def _meant(info: Mapping[Any, Any]) -> bytes | Space | None:
    """What the values mean, None for sRGB; raises ValueError for what cannot be shown."""
    if "cicp" in info:
        return coded(*info["cicp"])
    if profile := info.get("icc_profile"):
        return bytes(profile)
    if codes := info.get("nclx_profile"):
        return coded(codes["color_primaries"], codes["transfer_characteristics"])
    if "srgb" in info:
        return None
    said = camera_colours(info.get("exif")) | {key: info[key] for key in _MEASURED if key in info}
    points = said.get("chromaticity")
    return measured(said.get("gamma"), None if points is None else primaries_of(points))


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The image by its profile, None if that is of other colours; raises PyCMSError, OSError, ValueError."""
    transform = None
    if image.mode == "LAB":
        transform = _transform(ImageCms.createProfile("LAB"), "LAB")
    elif profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space, "")
        if mode == "L" and image.mode != "L" and _is_grey(image):
            image = image.convert("L")
        elif mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return None
        transform = _transform(source, mode)
    if transform is None or _changes_nothing(transform, image.mode):
        return _rgb(image)
    return ImageCms.applyTransform(image, transform)


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies


def _is_grey(image: Image.Image) -> bool:
    """Whether a picture in colours has none, as grey ones of formats without a grey mode."""
    if image.mode != "RGB":
        return False
    red, green, blue = image.split()
    return not (ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox())


def _transform(source: Any, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the profile is sRGB but for rounding, so that the numbers had better stay as they are."""
    if mode not in ("RGB", "L"):
        return False
    levels = [round(255 * n / (_CUBE - 1)) for n in range(_CUBE)]
    cube = [(r, g, b) for r in levels for g in levels for b in levels]
    values = bytes(value for colour in cube for value in colour)
    sample = Image.frombytes(mode, (len(values) // len(mode), 1), values)
    changed = ImageCms.applyTransform(sample, transform)
    assert changed is not None
    before = sample.convert("RGB").tobytes()
    return all(abs(a - b) <= 1 for a, b in zip(before, changed.tobytes(), strict=True))
