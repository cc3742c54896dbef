"""The bundled small model: the scenes it knows, the recipe that trains it, the weights that ship."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
