"""What the engine offers, and which of its files may lean on which."""

from __future__ import annotations

import ast
from pathlib import Path

import engine

LADDER = [
    {"errors"},
    {"window", "schedule", "alignment"},
    {"attention"},
    {"models"},
    {"codec"},
    {"blend", "denoise"},
    {"inverters"},
    {"record", "edit_plan"},
    {"methods"},
    {"editing"},
    {"__init__"},
]


def test_the_public_surface() -> None:
    assert engine.__all__ == [
        *("INVERTERS", "METHODS", "P2P", "Edit", "EditResult", "InvalidImage", "InvalidParameter"),
        *("ModelSpec", "Models", "NumericalError", "OutOfMemory", "PentimentoError", "Progress"),
        *("PromptTooLong", "PromptsDoNotAlign", "RecordCorrupt", "RecordMismatch", "SourceRecord"),
        *("UnknownMethod", "UnknownModel", "UnknownWord"),
        *("edit", "invert", "load", "reconstruct", "record_key"),
    ]
    assert all(hasattr(engine, name) for name in engine.__all__)


def test_files_lean_on_lower_rungs_only() -> None:
    folder = Path(engine.__file__).parent
    rung_of = {name: height for height, rung in enumerate(LADDER) for name in rung}
    modules = {path.relative_to(folder).parts[0].removesuffix(".py") for path in folder.rglob("*.py")}
    assert modules == set(rung_of)

    for path in folder.rglob("*.py"):
        mine = path.relative_to(folder).parts[0].removesuffix(".py")
        for theirs in imported(path) - {mine}:
            assert rung_of[theirs] <= rung_of[mine], f"{path.name} imports {theirs}"


def imported(path: Path) -> set[str]:
    """The modules of the engine that a file names, by their first part."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "engine":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine."):
            found.add((node.module or "").split(".")[1])
    return found
