"""File formats by their first bytes: those that are decoded, and names for those that are not."""

import re
from typing import Final

from PIL import ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pictures.errors import InvalidPicture, UnsupportedFormat

ACCEPTED: Final = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or HEIC"

_PNG_OR_JPEG: Final = "Save it as PNG or JPEG."
RAW: Final = ("a camera's raw file", "Develop it, or send the JPEG that the camera made beside it.")
_FRAME: Final = "Send one of its frames as PNG or JPEG."
_RENDER: Final = "Render it as PNG at the size that is wanted."

# The first that matches counts: the specific ones stand before the general ones.
_DECODED: Final = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("AVIF", re.compile(rb"....ftyp(?:avif|avis|mi[fa]1.{0,64}?avif)", re.DOTALL)),
    ("HEIC", re.compile(rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
)
_TIFF: Final = re.compile(rb"II\x2a\0|MM\0\x2a|II\x2b\0|MM\0\x2b")
_OTHERS: Final = (
    ("a PDF document", rb"%PDF-", "Save the page as PNG or JPEG."),
    ("an EPS or PostScript file", rb"%!PS|\xc5\xd0\xd3\xc6", _RENDER),
    ("an SVG drawing", rb"(?:\xef\xbb\xbf)?\s*(?:<[?!].{0,2000}?>\s*){0,8}<svg[\s/>]", _RENDER),
    ("a Photoshop document", rb"8BPS", _PNG_OR_JPEG),
    ("a GIMP document", rb"gimp xcf", _PNG_OR_JPEG),
    ("a JPEG XL file", rb"\xff\x0a|\0\0\0\x0cJXL ", _PNG_OR_JPEG),
    ("a JPEG 2000 file", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", _PNG_OR_JPEG),
    (RAW[0], rb"II\x2a\0....CR|IIU\0|IIR[OS]|FUJIFILMCCD-RAW|....ftypcrx", RAW[1]),
    ("an OpenEXR file", rb"\x76\x2f\x31\x01", _PNG_OR_JPEG),
    ("a Radiance HDR file", rb"#\?R", _PNG_OR_JPEG),
    ("an icon (ICO)", rb"\0\0[\x01\x02]\0", _PNG_OR_JPEG),
    ("a PNM file", rb"P[1-7]\s", _PNG_OR_JPEG),
    ("a QOI file", rb"qoif", _PNG_OR_JPEG),
    ("a DDS texture", rb"DDS ", _PNG_OR_JPEG),
    ("a video", rb"....ftyp|....moov|\x1a\x45\xdf\xa3|RIFF....AVI ", _FRAME),
    ("a sound file", rb"RIFF....WAVE|ID3|OggS|fLaC", "Send a picture."),
    ("a ZIP archive", rb"PK\x03\x04", "Send one of the pictures in it."),
    ("a web page", rb"\s*<(?:!doctype html|html)", "Send the picture's own address or file."),
)
_NAMED: Final = tuple((name, re.compile(magic, re.DOTALL | re.IGNORECASE), do) for name, magic, do in _OTHERS)


def format_of(data: bytes) -> str:
    """The name of the format these bytes begin with, one of those that are decoded.

    Raises InvalidPicture if there are none, UnsupportedFormat for any other format, by its name where it has
    one.
    """
    if not data:
        raise InvalidPicture("The image is empty.")
    for name, magic in _DECODED:
        if magic.match(data):
            return name
    for name, magic, remedy in _NAMED:
        if magic.match(data):
            raise UnsupportedFormat(f"The file is {name}; {ACCEPTED} can be read. {remedy}")
    if _TIFF.match(data):
        return "TIFF"
    raise UnsupportedFormat(f"The file is no picture of a known format; {ACCEPTED} can be read.")


def decoder(name: str) -> type[ImageFile.ImageFile]:
    """Pillow's class for a format of `format_of`, which decodes that format and no other.

    It is called directly, since `Image.open` limits pixels by a global that only warns at first.
    Raises UnsupportedFormat where it is not installed.
    """
    if name == "HEIC":
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise _not_installed(name, "`pip install 'pentimento[heic]'`, or ") from None
        found: type[ImageFile.ImageFile] = HeifImageFile
        return found
    if name == "AVIF" and not features.check("avif"):
        raise _not_installed(name, "a Pillow that was built with libavif, or ")
    return _CLASSES[name]


def _not_installed(name: str, remedy: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"The file is {name}, whose decoder is not installed here. It needs {remedy}save the picture "
        "as PNG or JPEG."
    )


_CLASSES: Final[dict[str, type[ImageFile.ImageFile]]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "AVIF": AvifImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
