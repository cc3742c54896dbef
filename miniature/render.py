"""Pixels of a scene: textures, sprites, styles. All that is random comes from a generator passed in.

Arrays are float32 in [0, 1], shape (H, W, 3), drawn at twice the final size and averaged down at the end.
Textures are smooth on purpose: a small autoencoder spends itself on noise. Lengths are in pixels of the
model's size times ``k``, so that a scene drawn k times as large shows the same things.
"""

import colorsys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miniature.assets.make_sprites import COLUMNS, GLYPHS, SIDE

Array = NDArray[np.float32]
OBJECTS = tuple(GLYPHS)
RECOLOURABLE = ("car", "flower", "star", "heart", "balloon", "ball")
COLOURS = {
    "red": (0.90, 0.13, 0.13),
    "yellow": (0.98, 0.83, 0.12),
    "green": (0.20, 0.68, 0.22),
    "blue": (0.13, 0.40, 0.93),
    "purple": (0.55, 0.20, 0.78),
    "pink": (0.98, 0.50, 0.75),
}


def noise(rng: np.random.Generator, height: int, width: int, cells: tuple[int, int]) -> Array:
    """Smooth noise in [-1, 1] of shape (H, W): a random grid of ``cells``, interpolated bicubically."""
    grid = rng.uniform(-1, 1, cells).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


def _rgb(red: float, green: float, blue: float) -> Array:
    return np.array((red, green, blue), dtype=np.float32)


def _floats(image: Image.Image) -> Array:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _mix(a: tuple[float, ...], b: tuple[float, ...], t: Array) -> Array:
    return np.clip(_rgb(*a) + (_rgb(*b) - _rgb(*a)) * t[..., None], 0, 1).astype(np.float32)


def _down(height: int, width: int) -> Array:
    return np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], (height, width))


def _grass(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    blades = 0.5 + 0.22 * noise(rng, h, w, (7, 16)) + 0.25 * noise(rng, h, w, (4, 4))
    return _mix((0.16, 0.42, 0.10), (0.50, 0.76, 0.24), blades + 0.15 * (_down(h, w) - 0.5))


def _sand(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    bend = noise(rng, h, w, (3, 4))
    ripples = 0.5 + 0.5 * np.sin(_down(h, w) * 26 + 2.5 * bend + rng.uniform(0, 6))
    return _mix((0.80, 0.64, 0.40), (0.95, 0.84, 0.62), 0.75 * ripples + 0.2 * noise(rng, h, w, (4, 4)))


def _snow(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    mounds = 0.65 + 0.35 * noise(rng, h, w, (4, 3))
    return _mix((0.76, 0.83, 0.93), (0.98, 0.99, 1.0), mounds)


def _brick(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    tall, wide = 20 * k, 40 * k
    y = (np.arange(h) + k * int(rng.integers(20)))[:, None]
    x = np.arange(w)[None, :] + k * int(rng.integers(40)) + y // tall % 2 * (wide // 2)
    shade = rng.uniform(0.2, 0.9, (32, 32)).astype(np.float32)[y // tall % 32, x // wide % 32]
    wall = _mix((0.52, 0.20, 0.14), (0.76, 0.38, 0.26), shade)
    mortar = (y % tall < 3 * k) | (x % wide < 3 * k)
    return np.where(mortar[..., None], _rgb(0.78, 0.74, 0.68), wall).astype(np.float32)


def _sea(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    waves = np.sin(_down(h, w) * 34 + 3 * noise(rng, h, w, (4, 5)) + rng.uniform(0, 6))
    return _mix((0.02, 0.22, 0.45), (0.20, 0.62, 0.74), 0.35 + 0.22 * waves + 0.3 * (_down(h, w) - 0.3))


def _night_sky(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    sky = _mix((0.03, 0.03, 0.14), (0.16, 0.13, 0.36), _down(h, w) + 0.3 * noise(rng, h, w, (3, 3)))
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(max(5, h * w // (1100 * k * k))):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), k * rng.uniform(1.3, 2.3)
        glow = np.exp(-((ys - cy) ** 2 + (xs - cx) ** 2) / (2 * r * r))[..., None]
        sky = sky + (_rgb(1.0, 0.97, 0.82) - sky) * glow.astype(np.float32)
    return sky.astype(np.float32)


def _wood(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    x = np.arange(w) + k * int(rng.integers(32))
    plank = rng.uniform(0.2, 0.8, 64).astype(np.float32)[x // (32 * k) % 64]
    grain = 0.18 * np.sin(noise(rng, h, w, (3, 12)) * 6)
    wood = _mix((0.42, 0.24, 0.10), (0.76, 0.52, 0.28), (plank[None, :] + grain).astype(np.float32))
    return np.where((x % (32 * k) < 2 * k)[None, :, None], wood * 0.45, wood)


def _sky(rng: np.random.Generator, h: int, w: int, k: int) -> Array:
    blue = _mix((0.30, 0.58, 0.93), (0.68, 0.86, 0.98), _down(h, w))
    clouds = np.clip(1.6 * (noise(rng, h, w, (5, 4)) - 0.05), 0, 0.95)[..., None]
    return (blue + (1 - blue) * clouds).astype(np.float32)


BACKGROUNDS: dict[str, Callable[[np.random.Generator, int, int, int], Array]] = {
    "grass": _grass,
    "sand": _sand,
    "snow": _snow,
    "brick": _brick,
    "sea": _sea,
    "night sky": _night_sky,
    "wood": _wood,
    "sky": _sky,
}


def _soften(image: Array, factor: int) -> Array:
    h, w = image.shape[:2]
    small = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize(
        (w // factor, h // factor), Image.Resampling.BOX
    )
    return _floats(small.resize((w, h), Image.Resampling.BICUBIC))


def _photo(rng: np.random.Generator, image: Array, k: int) -> Array:
    h, w = image.shape[:2]
    ys, xs = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    return (image * (1.04 - 0.22 * (ys**2 + xs**2)[..., None])).astype(np.float32)


def _pixel_art(rng: np.random.Generator, image: Array, k: int) -> Array:
    h, w = image.shape[:2]
    coarse = Image.fromarray(np.round(image * 255).astype(np.uint8)).resize(
        (w // (4 * k), h // (4 * k)), Image.Resampling.BOX
    )
    levels = np.round(np.asarray(coarse, dtype=np.float32) / 255 * 5) / 5
    return np.repeat(np.repeat(levels, 4 * k, 0), 4 * k, 1)


def _watercolour(rng: np.random.Generator, image: Array, k: int) -> Array:
    h, w = image.shape[:2]
    wash = _soften(image, 4 * k)
    pigment = 0.30 + 0.16 * noise(rng, h, w, (5, 5))[..., None]
    return np.clip(wash + (1 - wash) * pigment, 0, 1).astype(np.float32)


def _sketch(rng: np.random.Generator, image: Array, k: int) -> Array:
    soft = _soften(image, 2 * k)
    gy, gx = np.gradient(soft.mean(-1))
    line = np.clip(9 * k * np.hypot(gx, gy) - 0.25, 0, 0.85)[..., None]
    paper = _rgb(0.95, 0.88, 0.72)
    tinted = paper * (0.38 + 0.62 * soft)
    return (tinted * (1 - line) + _rgb(0.16, 0.11, 0.08) * line).astype(np.float32)


STYLES: dict[str, Callable[[np.random.Generator, Array, int], Array]] = {
    "photo": _photo,
    "pixel art": _pixel_art,
    "watercolour": _watercolour,
    "sketch": _sketch,
}


def fine_grain(rng: np.random.Generator, height: int, width: int, k: int) -> Array:
    """Noise of unit variance, shape (H, W, 1), whose mean over every block of k by k pixels is 0.

    A picture scaled down by k shows none of it, like fine texture that a small model never sees.
    """
    blocks = rng.standard_normal((height // k, k, width // k, k)).astype(np.float32)
    blocks -= blocks.mean((1, 3), keepdims=True)
    return (blocks / np.sqrt(1 - 1 / k**2)).reshape(height, width, 1).astype(np.float32)


@lru_cache(maxsize=256)
def sprite(name: str, colour: str | None) -> Image.Image:
    """The glyph of an object, RGBA, in its own colours or repainted in one of `COLOURS`."""
    sheet = Image.open(Path(__file__).parent / "assets" / "sprites.png").convert("RGBA")
    i = OBJECTS.index(name)
    x, y = i % COLUMNS * SIDE, i // COLUMNS * SIDE
    glyph = sheet.crop((x, y, x + SIDE, y + SIDE))
    return glyph if colour is None else _repaint(glyph, name, COLOURS[colour])


def _repaint(glyph: Image.Image, name: str, colour: tuple[float, float, float]) -> Image.Image:
    rgba = np.asarray(glyph, dtype=np.float32) / 255
    hsv = np.asarray(glyph.convert("RGB").convert("HSV"), dtype=np.float32) / 255
    # The ball's paint is its white leather; everything else is painted where it is saturated.
    paint = hsv[..., 2] ** 2 if name == "ball" else np.clip((hsv[..., 1] - 0.25) * 4, 0, 1)
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    shade = np.clip(hsv[..., 2] / np.quantile(hsv[..., 2][rgba[..., 3] > 0.5], 0.9), 0, 1.1)
    painted = _rgb(*colorsys.hsv_to_rgb(hue, saturation, value)) * shade[..., None]
    rgb = rgba[..., :3] + (painted - rgba[..., :3]) * paint[..., None]
    out = np.concatenate([np.clip(rgb, 0, 1), rgba[..., 3:]], -1)
    return Image.fromarray(np.round(out * 255).astype(np.uint8))
