"""P2Plus."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.attention import Chain, SelfReplace
from engine.edit_plan import Edit, EditPlan
from engine.methods.p2p import P2P, WindowLike
from engine.models import Models
from engine.record import SourceRecord
from engine.window import Window


@dataclass(frozen=True, kw_only=True)
class P2Plus(P2P):
    """Prompt-to-Prompt that holds on to the source in the unconditional branch too (StyleDiffusion).

    While in `tau_u`, A_self(u_target) := A_self(u_source) in the layers where `tau_s` acts; unconditional
    cross-attention is untouched. Li et al. 2023, https://arxiv.org/abs/2303.15649.
    """

    tau_s: WindowLike = 0.6
    tau_u: WindowLike = 0.0

    def plan(self, models: Models, record: SourceRecord, edit: Edit) -> EditPlan:
        """As `P2P.plan`, with `tau_u` besides."""
        window = Window.parse(self.tau_u, "tau_u")
        held = SelfReplace(window=window, factor=models.spec.self_factor, branch="uncond")
        plan = super().plan(models, record, edit)
        return replace(plan, control=Chain([held, plan.control]))
