"""Values of parameters that depend on the model."""

from typing import Any, Final

from engine.models import ModelSpec

_MINIATURE: Final[dict[str, dict[str, Any]]] = {
    "p2p": {"tau_c": 0.2, "tau_s": 0.8, "padding": "end", "blend_threshold": 0.7},
    "p2plus": {"tau_c": 0.2, "tau_s": 0.6, "padding": "end", "blend_threshold": 0.7},
}


def defaults_of(spec: ModelSpec) -> dict[str, dict[str, Any]]:
    """By method, the values that parameters left at None take with this model."""
    known: dict[str, dict[str, Any]] = getattr(
        spec, "defaults", _MINIATURE if spec.name == "miniature" else {}
    )
    return known
