"""The one training loop of every stage: AdamW, warm-up and cosine decay, weight averaging, checkpoints."""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

LossFn = Callable[[int], Tensor]


def fit(
    name: str,
    model: nn.Module,
    loss_of: LossFn,
    *,
    folder: Path,
    steps: int,
    lr: float,
    average: float = 0.999,
    warmup: int = 100,
    checkpoint_every: int = 250,
) -> nn.Module:
    """Minimise ``loss_of(step)`` over the parameters of ``model`` and leave it holding their moving average.

    Continues from ``folder/name.pt`` when that exists; a finished stage is only loaded.
    ``loss_of`` must draw its randomness from the step, which is how a resumed run equals an unbroken one.
    """
    path = folder / f"{name}.pt"
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    averaged = {key: value.detach().clone() for key, value in model.state_dict().items()}
    done = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        averaged, done = state["averaged"], state["step"]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, refresh_per_second=0.5) as progress:
        bar = progress.add_task(name, total=steps, completed=done)
        smooth: float | None = None
        for step in range(done, steps):
            rate = lr * min(1.0, (step + 1) / warmup) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(step)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            average_in(averaged, model.state_dict(), min(average, (step + 1) / (step + 10)))
            value = loss.item()
            smooth = value if smooth is None else 0.98 * smooth + 0.02 * value
            progress.update(bar, completed=step + 1, description=f"{name} loss {smooth:.4f}")
            if (step + 1) % checkpoint_every == 0 or step + 1 == steps:
                state = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "averaged": averaged,
                }
                torch.save({**state, "step": step + 1}, path.with_suffix(".tmp"))
                os.replace(path.with_suffix(".tmp"), path)
                progress.console.print(f"{name}: step {step + 1} of {steps}, loss {smooth:.4f}")
    model.load_state_dict(averaged)
    return model.eval().requires_grad_(False)


def average_in(averaged: Mapping[str, Tensor], current: Mapping[str, Tensor], decay: float) -> None:
    floats = [key for key, value in averaged.items() if value.is_floating_point()]
    torch._foreach_lerp_(
        [averaged[key] for key in floats], [current[key].detach() for key in floats], 1 - decay
    )
