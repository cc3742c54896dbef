"""Encode a PNG from standard input in another format or size on standard output.

Run as a plain file, `python encoder.py FORMAT QUALITY WIDTH`: a process can be ended when its reader leaves.
"""

import io
import os
import sys
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

_NICE = 10  # requests that are not waiting for a large picture go first


def encode(png: bytes, form: str, quality: int, width: int) -> bytes:
    """The picture in this format, as Pillow names it, and at most so wide; 0 leaves it as large as it is.

    `quality` is from 1 to 100.
    """
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
        picture = opened.convert("RGB")
        if 0 < width < picture.width:
            size = (width, max(1, round(picture.height * width / picture.width)))
            picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        picture.save(buffer, form, quality=quality, **_marks(opened.info.get("xmp"), form))
    return buffer.getvalue()


def _marks(xmp: bytes | None, form: str) -> dict[str, Any]:
    """What the stored picture says of how it was made, as the format has it."""
    if xmp is None:
        return {}
    if form != "png":
        return {"xmp": xmp}
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return {"pnginfo": text}


if __name__ == "__main__":
    os.nice(_NICE)
    sys.stdout.buffer.write(encode(sys.stdin.buffer.read(), sys.argv[1], *map(int, sys.argv[2:])))
