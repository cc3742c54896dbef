"""Checks that the configurations of a U-Net, its scheduler and its autoencoder can be run.

Whatever would need another input or another process of noise is refused by name, since a network that lacks
it runs all the same, and computes something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from math import isfinite
from typing import Any

import diffusers
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel

from engine.pretrained import ModelFiles, readable

_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_PRESERVING = (
    *(
        "DDIMScheduler",
        "DDPMScheduler",
        "PNDMScheduler",
        "LCMScheduler",
        "TCDScheduler",
        "DEISMultistepScheduler",
    ),
    *("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "DPMSolverSDEScheduler"),
    *("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler"),
    *(
        "KDPM2DiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "LMSDiscreteScheduler",
        "UniPCMultistepScheduler",
    ),
)
_CUTTING = ("DDIMScheduler", "DDPMScheduler")
_OTHER_INPUTS = {
    5: "this is a model that reads depth as well; use the text-to-image model that it was made from",
    7: "this is an upscaling model; use a text-to-image model",
    8: "this is InstructPix2Pix, which reads the picture as well; use a text-to-image model",
    9: "this is an inpainting model; use the text-to-image model that it was made from",
}
_OTHER_CONDITIONS = {
    "class_embed_type": "this is an upscaler, unCLIP or another model that reads more than text",
    "num_class_embeds": "this is an upscaler, unCLIP or another model that reads more than text",
    "addition_embed_type": "its U-Net reads more beside the text, as Kandinsky's and DeepFloyd's do",
    "encoder_hid_dim_type": "its U-Net reads pictures as well, as Kandinsky and IP-Adapters do",
}
_ATTENDING = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D", "UNetMidBlock2DCrossAttn")


def check_unet(files: ModelFiles, latent_channels: int, text_width: int) -> None:
    """Refuse a U-Net that reads something else than a latent and a text of these widths.

    Raises:
        UnknownModel: it does, and what it is.
    """
    config = files.config("unet")
    channels, width = config.get("in_channels", 4), config.get("cross_attention_dim", 1280)
    if channels != latent_channels:
        what = _OTHER_INPUTS.get(channels, "they do not belong together")
        raise files.refuse(
            "unet", f"in_channels is {channels} and the autoencoder's latents have {latent_channels}: {what}"
        )
    if config.get("out_channels", 4) != channels:
        raise files.refuse(
            "unet", f"out_channels is {config['out_channels']}, which is more than a prediction"
        )
    for name, what in _OTHER_CONDITIONS.items():
        if config.get(name) not in (None, "text_time"):
            raise files.refuse("unet", f"{name} is {config[name]!r}: {what}")
    if config.get("attention_type", "default") != "default":
        raise files.refuse(
            "unet",
            f"attention_type is {config['attention_type']!r}: this is GLIGEN, which reads boxes as well",
        )
    blocks = [*config.get("down_block_types", ()), *config.get("up_block_types", ())]
    if strange := [name for name in blocks if "Attn" in name and name not in _ATTENDING]:
        raise files.refuse("unet", f"it has blocks {strange[0]}, whose attention is of another kind")
    if blocks and not any(name in _ATTENDING for name in blocks):
        raise files.refuse(
            "unet", "it has no cross-attention, so it reads no text; use a text-to-image model"
        )
    if width != text_width:
        raise files.refuse(
            "unet",
            f"cross_attention_dim is {width} and the text encoders write {text_width}: "
            f"{_BY_WIDTH.get(width, 'they do not belong together')}",
        )
    if not config.get("sample_size"):
        raise files.refuse(
            "unet",
            "sample_size is missing, the side of the latents that it was trained on: write 64 for 512 "
            "pixels, 96 for 768, 128 for 1024",
        )
    _check_known(files, "unet", UNet2DConditionModel)


_BY_WIDTH = {
    768: "this is the U-Net of Stable Diffusion 1, which reads CLIP ViT-L/14",
    1024: "this is the U-Net of Stable Diffusion 2, which reads OpenCLIP ViT-H/14",
    2048: "this is the U-Net of SDXL, which reads CLIP ViT-L/14 and OpenCLIP ViT-bigG/14",
    1280: "this may be the refiner of SDXL; use SDXL's base model",
}


def check_vae(files: ModelFiles) -> None:
    """Refuse an autoencoder of unknown settings, or whose latents have no scale; raises `UnknownModel`."""
    _check_known(files, "vae", AutoencoderKL)
    config = files.config("vae")
    channels = config.get("latent_channels", 4)
    scale = config.get("scaling_factor", 1.0)
    if not _is_number(scale) or scale <= 0:
        raise files.refuse("vae", f"scaling_factor is {scale!r} and no number above 0")
    shift = config.get("shift_factor")
    if shift is not None and not _is_number(shift):
        raise files.refuse("vae", f"shift_factor is {shift!r} and no number")
    for name in ("latents_mean", "latents_std"):
        values = config.get(name)
        numbers = isinstance(values, list) and len(values) == channels and all(map(_is_number, values))
        if values is not None and (not numbers or (name == "latents_std" and min(values) <= 0)):
            raise files.refuse("vae", f"{name} is {values!r} and not {channels} numbers, one of each channel")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def noise_of(files: ModelFiles) -> dict[str, Any]:
    """The settings of a variance-preserving scheduler, whatever its way to sample, with its own defaults.

    Raises:
        UnknownModel: it is of another process of noise, or cuts off latents.
    """
    file = "scheduler_config.json"
    config = files.config("scheduler", file)
    name = config.get("_class_name", "DDIMScheduler")
    if name not in _PRESERVING:
        kind = "a rectified flow" if "FlowMatch" in name else "another process of noise"
        raise files.refuse("scheduler", f"{name} is of {kind}, which this U-Net was not trained on", file)
    for setting in ("clip_sample", "thresholding"):
        if config.get(setting) and (name in _CUTTING or setting == "thresholding"):
            raise files.refuse(
                "scheduler", f"{setting} is true, which cuts latents off; set it to false", file
            )
    if config.get("use_flow_sigmas"):
        raise files.refuse(
            "scheduler", "use_flow_sigmas is true: a rectified flow, which no U-Net here is trained for", file
        )
    own = inspect.signature(getattr(diffusers, name)).parameters
    defaults = {key: each.default for key, each in own.items() if each.default is not inspect.Parameter.empty}
    stated = {key: value for key, value in config.items() if key[:1] != "_"}
    settings = {**defaults, **stated, "_class_name": name}
    if settings.get("prediction_type") not in _PREDICTIONS:
        found = settings.get("prediction_type")
        raise files.refuse(
            "scheduler", f"prediction_type is {found!r} and not one of {', '.join(_PREDICTIONS)}", file
        )
    return settings


def ddim(files: ModelFiles, noise: Mapping[str, Any]) -> DDIMScheduler:
    """The levels of noise of these settings, by timestep.

    Raises:
        UnknownModel: a setting is of the wrong type or value, or a beta is not from 0 to 1.
    """
    with readable(files.name, "scheduler/scheduler_config.json cannot be used"):
        scheduler = DDIMScheduler.from_config(dict(noise))
        if not bool(((scheduler.betas >= 0) & (scheduler.betas <= 1)).all()):
            raise ValueError("its betas are not all from 0 to 1")
    return scheduler


def _check_known(files: ModelFiles, part: str, kind: Any) -> None:
    """Refuse settings that the installed library would pass over; what is off or empty changes nothing."""
    known = inspect.signature(kind.__init__).parameters
    config: Mapping[str, Any] = files.config(part)
    strange = [
        name
        for name, value in config.items()
        if name[:1] != "_" and name not in known and value not in (None, False)
    ]
    if strange:
        raise files.refuse(
            part,
            f"{strange[0]} is {config[strange[0]]!r}, which diffusers {diffusers.__version__} does not know "
            "and which may change what it computes: remove it if it does not, else update diffusers",
        )
