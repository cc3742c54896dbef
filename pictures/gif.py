"""GIF files whose first frame leaves part of their canvas empty (GIF89a, 20)."""

from PIL import Image
from PIL.GifImagePlugin import GifImageFile


def uncovered(image: GifImageFile) -> Image.Image:
    """The decoded first frame, transparent where it does not reach, as browsers have it.

    Pillow paints the background colour there.
    """
    box = image.dispose_extent
    if box is None or box == (0, 0, *image.size):
        return image
    frame = image.crop(box).convert("RGBA")
    canvas = Image.new("RGBA", image.size)
    canvas.paste(frame, box[:2])
    return canvas
