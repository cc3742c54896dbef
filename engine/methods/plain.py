"""Guidance alone."""

from __future__ import annotations

from dataclasses import replace

from engine.methods.base import Method, guided
from engine.plan import EditPlan, Setting
from engine.window import Window
from parameters import Plain


class PlainMethod(Method):
    """Sample the targets from the record's noise, or from the latent that is left when steps are skipped.

    With the noise maps of an edit-friendly inversion this is its published edit.
    """

    params = Plain

    def plan(self, setting: Setting[Plain]) -> EditPlan:
        skipped = Window.of(setting.params.skip).steps(setting.record.steps)
        inside = setting.params.inside_prompt
        if inside is not None:
            painted = replace(setting.edit, prompt=(inside,) * len(setting.edit.prompts))
            setting = replace(setting, edit=painted)
        return replace(guided(setting), first=skipped.stop, follows=None)
