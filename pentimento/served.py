"""Pictures that remember the bytes by which they came."""

import io
import os
from typing import Any, Self

from PIL import Image


class Served(Image.Image):
    """A picture as it was served; one that nothing has changed is saved in its own format byte for byte."""

    _data: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The picture in these bytes; raises OSError if they are none."""
        with Image.open(io.BytesIO(data)) as opened:
            picture = cls()
            picture.__setstate__(opened.__getstate__())
            picture.format = opened.format
            picture._data = data
            return picture

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """As Pillow's, which encodes anew where another format or an option of one is asked for."""
        suffix = os.path.splitext(fp)[1].lower() if isinstance(fp, str | os.PathLike) else ""
        asked = (format or Image.registered_extensions().get(suffix, "")).upper()
        if not params and asked == self.format and self._unchanged():
            if hasattr(fp, "write"):
                fp.write(self._data)
            else:
                with open(fp, "wb") as file:
                    file.write(self._data)
            return
        super().save(fp, format, **params)

    def _unchanged(self) -> bool:
        if not self._data:
            return False
        with Image.open(io.BytesIO(self._data)) as came:
            return (came.mode, came.size, came.tobytes()) == (self.mode, self.size, self.tobytes())
