"""Encode a PNG from standard input as another format on standard output.

Run as a plain file, `python encoder.py FORMAT QUALITY`: a process can be ended when its reader has gone.
"""

import io
import os
import sys

from PIL import Image

_NICE = 10  # requests that are not waiting for a large picture go first


def encode(png: bytes, form: str, quality: int) -> bytes:
    """The picture in this format, as Pillow names it; `quality` is from 1 to 100."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        picture.convert("RGB").save(buffer, form, quality=quality)
    return buffer.getvalue()


if __name__ == "__main__":
    os.nice(_NICE)
    sys.stdout.buffer.write(encode(sys.stdin.buffer.read(), sys.argv[1], int(sys.argv[2])))
