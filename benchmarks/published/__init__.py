"""Published editing methods, plainly, from diffusers' own modules: what the engine is compared with.

Nothing here uses the engine. Every row of every branch runs in each step, every attention map is in memory,
and each method is one function from latents to latents, in float32, for models that predict noise.
"""

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels, invert, sample

__all__ = ["Levels", "Parts", "invert", "sample"]
