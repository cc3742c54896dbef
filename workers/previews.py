"""What a job shows of its latents while it runs."""

import io
from collections.abc import Callable
from typing import Final

from PIL import Image
from torch import Tensor

from engine import Progress
from engine.preview import LinearDecoder

_EVERY_S: Final = 0.5
_SHARE: Final = 0.01
_FIRST: Final = "encode"


class Previews:
    """Draws a PNG of the latents every half second at most, and in no more than a hundredth of the time.

    Nothing is drawn before the working `picture` is known and its latent was heard of; `drawn` counts.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due = clock() + _EVERY_S
        self._clean: Tensor | None = None
        self._decoder: LinearDecoder | None = None
        self.picture: Image.Image | None = None
        self.drawn = 0

    def draw(self, now: Progress) -> bytes | None:
        """A new picture of what there is to see, if it is time for one."""
        if now.latent is None:
            return None
        if now.phase == _FIRST:
            self._clean = now.latent
            return None
        began = self._clock()
        if began < self._due or self._clean is None or self.picture is None:
            return None
        if self._decoder is None:
            self._decoder = LinearDecoder.fitted(self._clean, self.picture)
        buffer = io.BytesIO()
        self._decoder(now.latent).save(buffer, "PNG", compress_level=1)
        ended = self._clock()
        self.drawn += 1
        self._due = ended + max(_EVERY_S, (ended - began) / _SHARE)
        return buffer.getvalue()
