"""StyleDiffusion with Prompt-to-Prompt, spent as the published code spends it: the baseline to compare with.

Wasted on purpose, as counted on that code:

- every attention map is in memory, in every layer, whether anything looks at it or not;
- the picture is encoded by the vision tower inside every cross-attention layer that reads its values;
- no weight is frozen: each inner step also computes the gradients of all of the U-Net's and the tower's;
- M_t starts at random, so its first inner steps repair what it breaks; its BatchNorm stays in training mode;
- the unconditional prediction is made twice per step;
- each edit inverts the picture again, runs the source's rows again, and decodes the source twice.

What is computed is the published algorithm, in float32 (https://arxiv.org/abs/2303.15649,
https://arxiv.org/abs/2208.01626), with no defect of its code that would change a result.
"""

from benchmarks.plain.attention import plainly
from benchmarks.plain.editing import Asked, Painted, edit
from benchmarks.plain.mapping import Mapping
from benchmarks.plain.parts import Parts
from benchmarks.plain.preparing import (
    Prepared,
    guided,
    inner_steps,
    invert,
    learned,
    loss_of,
    prepare,
    target_maps,
    tolerance,
    unconditional,
)

__all__ = [
    "Asked",
    "Mapping",
    "Painted",
    "Parts",
    "Prepared",
    "edit",
    "guided",
    "inner_steps",
    "invert",
    "learned",
    "loss_of",
    "plainly",
    "prepare",
    "target_maps",
    "tolerance",
    "unconditional",
]
