"""Edit-friendly DDPM inversion: noise maps that paint the picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.errors import check_finite
from engine.inverters.base import Inversion, Inverter, Source, scale_of
from engine.learned import Learned, Noise
from engine.noise import clean, move, noised, posterior_std, seeded_noise
from engine.progress import OnProgress, Progress
from engine.record import SourceRecord
from engine.schedule import Schedule
from parameters import EditFriendly

_MAPS, _STDS = "noise_maps", "stds"


class EditFriendlyInverter(Inverter):
    """Latents of every level drawn independently, and the noise that the DDPM step needs to go between them.

    x_t = a_t x_0 + s_t n_t with fresh n_t; z_t = (x_(t-1) - mu(x_t)) / sigma_t, with mu guided by the source
    prompt (Huberman-Spiegelglas et al. 2024, https://arxiv.org/abs/2304.06140). Each x is then replaced by
    the one that its map gives, as in the authors' code, so that the maps reproduce the picture exactly.
    """

    params = EditFriendly

    @torch.no_grad()
    def invert(
        self,
        model: Backbone,
        source: Source,
        schedule: Schedule,
        params: EditFriendly,
        on_progress: OnProgress,
    ) -> Inversion:
        scale = scale_of(params)
        guidance = model.guidance(scale)
        reads = {"uncond": model.guided(source.empty, scale), "cond": model.guided(source.text, scale)}
        x0, calls = source.latent, schedule.denoising()
        shape = (len(calls), *x0.shape[1:])
        drawn = seeded_noise(shape, params.seed, x0.device)
        levels = [noised(x0, noise[None], call.at) for noise, call in zip(drawn, calls, strict=True)]
        path, maps, stds = [levels[0]], [], []
        for index, call in enumerate(calls):
            x, last = path[-1], index + 1 == len(calls)
            names = guidance.branches(index, len(calls))
            conditioning = Conditioning.cat([reads[name] for name in names])
            predictions = model.predict(x.expand(len(names), -1, -1, -1), call.shown, conditioning).split(1)
            held = guidance.combine(dict(zip(names, predictions, strict=True)), index, len(calls))
            # A step that ends clean leaves no room for noise; its map is then what the picture still lacks.
            std = posterior_std(call.at, call.to) if call.to.s else 1.0
            mean = move(x, held, call.at, call.to, std)
            goal = x0 if last else levels[index + 1]
            keep = std > 0 and (params.last_noise or not last)
            noise = (goal - mean) / std if keep else torch.zeros_like(mean)
            path.append(check_finite(mean + std * noise, "invert", index))
            maps.append(noise)
            stds.append(std)
            on_progress(Progress("invert", index + 1, len(calls), goal if last else clean(x, held, call.at)))
        return Inversion(
            trajectory=torch.cat(path[::-1]),
            learned={_MAPS: torch.cat(maps), _STDS: torch.tensor(stds, dtype=torch.float64)},
        )

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return NoiseMaps(
            maps=record.learned[_MAPS].to(model.device), stds=tuple(record.learned[_STDS].tolist())
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseMaps(Learned):
    """Every step adds the noise map (1, C, h, w) of the picture."""

    maps: Tensor
    stds: tuple[float, ...]

    def noise(self, index: int) -> Noise:
        return Noise(self.stds[index], self.maps[index : index + 1])
