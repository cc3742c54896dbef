"""An edit at the original's own size: the photograph that was sent, with the edit's change applied to it.

The model edits a working picture, most often smaller than what was sent. What it changed is carried over as
a local linear map of colours, fitted at the working size and applied to the original's pixels, so that fine
detail stays (after He et al. 2010, the guided filter, and Chen et al. 2016, bilateral guided upsampling).
Where the edit has another structure than the source, the enlarged edit itself is shown.

Pictures are floats in [0, 1] of shape (3, h, w), D = E - R is the edit E less the source R, and lengths are
in working pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.errors import InvalidImage
from engine.resampling import Span, enlarge, gaussian

Box = tuple[float, float, float, float]

_TILE = 256
_LUMA = (0.299, 0.587, 0.114)
_FEATHER = 1.5


@dataclass(frozen=True, kw_only=True)
class FullEdit:
    """An edit at the original's size; `mask` is white where it may differ from the original.

    Where the mask is black no value differs. It is None for an edit without a mask.
    """

    image: Image.Image
    mask: Image.Image | None


def cropped(size: tuple[int, int], working: tuple[int, int], *, short: int) -> Box:
    """The part of an original of `size` that a working picture cropped by `codec.fit` shows.

    `short` is the model's size, to which the shorter side was scaled. The box (left, top, right, bottom) is
    in pixels of the original; it is all of one that has the working picture's size.
    """
    if size == working:
        return 0, 0, *size
    scaled = [round(side * (short / min(size))) for side in size]
    factors = [side / whole for side, whole in zip(size, scaled, strict=True)]
    starts = [(whole - kept) // 2 for whole, kept in zip(scaled, working, strict=True)]
    left, top = (start * factor for start, factor in zip(starts, factors, strict=True))
    width, height = (kept * factor for kept, factor in zip(working, factors, strict=True))
    return left, top, left + width, top + height


def apply_edit(
    original: Image.Image,
    *,
    edit: Image.Image,
    source: Image.Image,
    mask: Image.Image | None = None,
    within: Image.Image | None = None,
    shown: Box | None = None,
) -> FullEdit:
    """The original (RGB, upright) with the change from `source` to `edit`, both of the model's size.

    `source` is the working picture as the model gives it back, so that what the autoencoder loses cancels
    out. `mask`, white where the edit may differ, confines the change to it and one and a half working pixels
    around it, and there to what differs visibly; `within`, a mask of the original's size, confines it to the
    very pixels where that is white. `shown` is the part of the original in the working picture, a box in the
    original's pixels that may reach beyond it (padding); by default all. Outside of it nothing changes.
    Beside the pictures themselves, memory does not grow with the original.

    Raises:
        InvalidImage: the original is not RGB, edit, source and mask are of different sizes, or `within` is of
            another size than the original.
    """
    if original.mode != "RGB":
        raise InvalidImage(f"its mode is {original.mode}; an edit is applied to RGB")
    if any(each is not None and each.size != edit.size for each in (source, mask)):
        raise InvalidImage("edit, source and mask must be of one size")
    if within is not None and within.size != original.size:
        here, there = (f"{each.width}x{each.height}" for each in (within, original))
        raise InvalidImage(f"the mask at the original's size is {here}, the original {there}")
    left, top, right, bottom = shown or (0, 0, *original.size)
    across = Span(first=left, last=right, count=edit.width, whole=original.width)
    down = Span(first=top, last=bottom, count=edit.height, whole=original.height)
    changes, weights = _maps(_floats(edit), _floats(source), None if mask is None else _floats(mask))
    before = np.asarray(original)
    after = before.copy()
    opened = np.zeros(before.shape[:2], dtype=np.uint8)
    allowed = None if within is None else np.asarray(within.convert("L"))
    high, wide = (_nonzero((weights > 0).all(0).any(side)) for side in (1, 0))
    for rows, columns in _tiles(down.reached(high), across.reached(wide)):
        weight = _smooth(enlarge(weights, down, rows, across, columns)).prod(0)
        weight *= down.fade(rows, _FEATHER)[:, None] * across.fade(columns, _FEATHER)
        tile = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
        if allowed is not None:
            weight *= torch.from_numpy(allowed[tile] > 127)
        if not weight.any():
            continue
        pixels = torch.tensor(before[tile]).permute(2, 0, 1) / 255
        changed = _changed(pixels, enlarge(changes, down, rows, across, columns))
        values = (pixels + weight * (changed - pixels)).clamp(0, 1).mul(255).round().to(torch.uint8)
        open_ = (weight > 0).numpy()
        np.copyto(after[tile], values.permute(1, 2, 0).numpy(), where=open_[:, :, None])
        opened[tile] = 255 * open_
    return FullEdit(
        image=Image.fromarray(after), mask=None if mask is None else Image.fromarray(opened, mode="L")
    )


def _maps(edit: Tensor, source: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The maps that `_changed` reads (16, h, w), and ramps (n, h, w) whose product is their weight."""
    difference = edit - source
    gains, offset = _linear_map(source, difference)
    recoloured = _mapped(gains, source)
    rest = difference - recoloured - offset
    # What is small beside noise and ringing of the decoder is left out.
    size = gaussian((rest**2).sum(0, keepdim=True), 0.7).sqrt()
    rest = rest * (1 - 0.1 / size.clamp(min=1e-6)).clamp(min=0)
    keeps = _keeps_detail(edit, source + recoloured) * _keeps_structure(edit, source, mask)
    changes = torch.cat([gains.flatten(0, 1), offset + rest, edit, keeps])
    if mask is None:
        return changes, torch.ones_like(keeps)
    grown = F.max_pool2d(mask[None], 3, stride=1, padding=1)
    ramp = F.avg_pool2d(F.pad(grown, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    visible = gaussian(difference.abs().amax(0, keepdim=True), 1.0)
    return changes, torch.cat([(visible - 0.04) / 0.02, (ramp - 1 / 3) * 1.5])


def _changed(pixels: Tensor, changes: Tensor) -> Tensor:
    """Pixels (3, rows, columns) of the original as the edit would have them."""
    gains, offset, edit, keeps = changes.split([9, 3, 3, 1])
    recoloured = pixels + _mapped(gains.unflatten(0, (3, 3)), pixels) + offset
    return edit + keeps.clamp(0, 1) * (recoloured - edit)


def _linear_map(source: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
    """B (3, 3, h, w) and b (3, h, w) with D = R B + b: at every place a ridge regression, Gaussian window."""
    sigma, ridge = 4.0, 1e-3
    mean, mean_difference = gaussian(source, sigma), gaussian(difference, sigma)
    products = [
        gaussian((source[:, None] * other).flatten(0, 1), sigma).unflatten(0, (3, 3)) - mean[:, None] * centre
        for other, centre in ((source, mean), (difference, mean_difference))
    ]
    covariance, shared = (each.permute(2, 3, 0, 1) for each in products)
    gains = torch.linalg.solve(covariance + ridge * torch.eye(3), shared).permute(2, 3, 0, 1)
    return gains, mean_difference - _mapped(gains, mean)


def _mapped(gains: Tensor, pixels: Tensor) -> Tensor:
    return (gains * pixels[:, None]).sum(0)


def _keeps_detail(edit: Tensor, recoloured: Tensor) -> Tensor:
    """1 where the edit has the source's fine detail, recoloured, 0 where it lacks it; (1, h, w)."""
    fine, found = recoloured - gaussian(recoloured, 1.5), edit - gaussian(edit, 1.5)
    shared, own = gaussian(torch.stack([(fine * found).sum(0), (fine * fine).sum(0)]), 1.2).split(1)
    return _smooth(((shared + 4e-4) / (own + 4e-4) - 0.1) / 0.4)


def _keeps_structure(edit: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
    """1 where edit and source have the same structure (as in SSIM), 0 where they do not; (1, h, w)."""
    weights = torch.tensor(_LUMA)
    e, r = (torch.einsum("c,cyx->yx", weights, each) for each in (edit, source))
    mean_e, mean_r, ee, rr, er = gaussian(torch.stack([e, r, e * e, r * r, e * r]), 1.5)
    alike = (2 * (er - mean_e * mean_r) + 2e-4) / (ee - mean_e**2 + rr - mean_r**2 + 2e-4)
    changed = ((edit - source).abs().amax(0) / 0.06).clamp(0, 1) + 1e-3
    if mask is not None:
        changed = changed * (mask[0] + 1e-3)
    broken, all_ = gaussian(torch.stack([(1 - alike.clamp(0, 1)) * changed, changed]), 3.0).split(1)
    return 1 - _smooth((broken / all_ - 0.35) / 0.3)


def _smooth(t: Tensor) -> Tensor:
    """Smoothstep: 0 below 0, 1 above 1."""
    t = t.clamp(0, 1)
    return t * t * (3 - 2 * t)


def _floats(image: Image.Image) -> Tensor:
    mode = "L" if image.mode in ("L", "1") else "RGB"
    values = torch.from_numpy(np.array(image.convert(mode))).float() / 255
    return values.permute(2, 0, 1) if values.ndim == 3 else values[None]


def _nonzero(line: Tensor) -> range:
    """The shortest range that holds all that is true of a line."""
    places = line.nonzero().flatten().tolist()
    return range(places[0], places[-1] + 1) if places else range(0)


def _tiles(rows: range, columns: range) -> Iterator[tuple[range, range]]:
    for top in rows[::_TILE]:
        for left in columns[::_TILE]:
            yield (
                range(top, min(top + _TILE, rows.stop)),
                range(left, min(left + _TILE, columns.stop)),
            )
