"""The last stage: the trained pieces as one diffusers folder, and the judge beside it."""

import copy
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from miniature.recipe import judge, projection
from miniature.recipe.clip import image_processor
from miniature.recipe.denoiser import scheduler

JUDGE = "judge.safetensors"


def write(
    folder: Path,
    *,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    towers: CLIPModel,
    tokenizer: CLIPTokenizer,
    critic: nn.Module,
) -> None:
    """A folder that `StableDiffusionPipeline.from_pretrained` loads; the U-Net goes in half precision."""
    shutil.rmtree(folder, ignore_errors=True)
    vision = CLIPVisionModelWithProjection(towers.config.vision_config)
    vision.vision_model.load_state_dict(towers.vision_model.state_dict())
    vision.visual_projection.load_state_dict(towers.visual_projection.state_dict())
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=towers.text_model,
        tokenizer=tokenizer,
        unet=unet.to(torch.float16),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=image_processor(),
        image_encoder=vision,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    save_file({key: value.contiguous().cpu() for key, value in critic.state_dict().items()}, folder / JUDGE)
    projection.save(towers.text_projection, folder)


def export(unet: UNet2DConditionModel, text_encoder: CLIPTextModel, base: Path, folder: Path) -> None:
    """A copy of the package ``base`` with another U-Net, in half precision, and another text encoder."""
    shutil.copytree(base, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("README.md"))
    copy.deepcopy(unet).to(torch.float16).save_pretrained(folder / "unet")
    text_encoder.save_pretrained(folder / "text_encoder")
    for part in ("unet", "text_encoder"):  # a configuration that is saved names the folder it came from
        shutil.copyfile(base / part / "config.json", folder / part / "config.json")


def load_judge(folder: Path) -> nn.Module:
    critic = judge.build()
    critic.load_state_dict(load_file(folder / JUDGE))
    return critic.eval().requires_grad_(False)
