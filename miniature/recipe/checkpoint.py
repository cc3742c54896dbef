"""Checkpoints of a training under way, small enough to be carried: half precision, 6 bytes a parameter."""

import os
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

_SECOND: Final = "exp_avg_sq"


def save(path: Path, model: nn.Module, averaged: dict[str, Tensor], optimizer: Optimizer, step: int) -> None:
    """Write what `restore` reads, whole or not at all.

    The weights in float16; their moving average as its distance from them, which a 16-bit number holds more
    exactly than the average itself; Adam's second moments in bfloat16. The first moments are left out: they
    are forgotten within ten steps anyway.
    """
    tensors: dict[str, Tensor] = {"step": torch.tensor(step)}
    for name, weight in model.state_dict().items():
        tensors[f"weight.{name}"] = weight.to(torch.float16) if weight.is_floating_point() else weight
        if weight.is_floating_point():
            tensors[f"average.{name}"] = (averaged[name] - weight).to(torch.bfloat16)
    for name, parameter in model.named_parameters():
        if parameter in optimizer.state:
            tensors[f"moment.{name}"] = optimizer.state[parameter][_SECOND].to(torch.bfloat16)
    scratch = path.with_suffix(".tmp")
    save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, scratch)
    os.replace(scratch, path)


def restore(
    path: Path, model: nn.Module, optimizer: Optimizer | None = None
) -> tuple[dict[str, Tensor], int]:
    """Fill a model, and its Adam optimiser, from a checkpoint; returns the moving average and the step."""
    tensors = load_file(path)
    model.load_state_dict(
        {name.removeprefix("weight."): value for name, value in tensors.items() if name.startswith("weight.")}
    )
    step = int(tensors["step"])
    for name, parameter in model.named_parameters():
        moment = tensors.get(f"moment.{name}")
        if optimizer is not None and moment is not None:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(step), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                _SECOND: moment.to(parameter),
            }
    averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}
    for name, value in averaged.items():
        if f"average.{name}" in tensors:
            value += tensors[f"average.{name}"].to(value)
    return averaged, step
