"""MasaCtrl: the source's contents in the layout that a new prompt gives."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.attention import KeyValueReplace
from engine.methods.base import Method, guided
from engine.plan import EditPlan, Setting
from engine.window import Window
from parameters import MasaCtrl


class MasaCtrlMethod(Method):
    """Self-attention reads the source's keys and values, from an early step and a middle layer on.

    Those of the same branch: the unconditional rows read the source's unconditional row. As published from
    step 4 of 50 and layer 10 of 16 on, of a source inverted without a prompt. Cao et al. 2023,
    https://arxiv.org/abs/2304.08465, section 4, and the authors' code.
    """

    params = MasaCtrl

    def plan(self, setting: Setting[MasaCtrl]) -> EditPlan:
        params, model = setting.params, setting.model
        layers = [site.name for site in model.sites if site.kind == "self"]
        first = math.ceil(len(layers) * (params.layer_start or 0.0) - 1e-9)
        control = KeyValueReplace(window=Window.of(params.tau_kv or 0.0), layers=frozenset(layers[first:]))
        return replace(guided(setting), control=control)
