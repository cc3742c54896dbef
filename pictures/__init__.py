"""Pictures on their way in: one set of rules for the service, the engine and the Python client."""

from pictures.colour import upright_srgb
from pictures.errors import Change, InvalidPicture, PictureError, PictureTooLarge, UnsupportedFormat
from pictures.formats import ACCEPTED
from pictures.masks import mask_seen, opened, read_mask, transparency
from pictures.reading import LARGEST_PIXELS, SMALLEST_SIDE, STORED_PIXELS, Picture, read
from pictures.shape import WIDEST, Fit, bands, cropped, reshape

__all__ = [
    "ACCEPTED",
    "LARGEST_PIXELS",
    "SMALLEST_SIDE",
    "STORED_PIXELS",
    "WIDEST",
    "Change",
    "Fit",
    "InvalidPicture",
    "Picture",
    "PictureError",
    "PictureTooLarge",
    "UnsupportedFormat",
    "bands",
    "cropped",
    "mask_seen",
    "opened",
    "read",
    "read_mask",
    "reshape",
    "transparency",
    "upright_srgb",
]
