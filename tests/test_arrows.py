"""Who may import whom: of our own packages, and of what is heavy."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ARROWS: dict[str, set[str]] = {
    "prompts": set(),
    "parameters": {"prompts"},
    "pictures": set(),
    "hub": set(),
    "engine": {"prompts", "parameters", "pictures", "hub"},
    "api_schemas": {"parameters"},
    "store": {"api_schemas"},
    "workers": {"engine", "hub", "api_schemas", "store", "parameters", "pictures"},
    "service": {"api_schemas", "store", "prompts", "parameters", "pictures"},
    "pentimento": {"api_schemas", "hub", "parameters", "pictures"},
    "miniature": {"engine"},
    "benchmarks": {"engine", "miniature", "api_schemas", "pentimento", "parameters"},
}
HEAVY = {"torch", "diffusers", "transformers", "safetensors", "numpy"}
WEB = {"fastapi", "starlette", "uvicorn"}
QUEUE = {"redis", "rq", "fsspec"}
FORBIDDEN: dict[str, set[str]] = {
    "prompts": HEAVY | WEB | QUEUE | {"pydantic", "PIL"},
    "parameters": HEAVY | WEB | QUEUE | {"PIL"},
    "pictures": HEAVY | WEB | QUEUE | {"pydantic"},
    "hub": HEAVY | WEB | QUEUE | {"pydantic", "PIL"},
    "engine": WEB | QUEUE | {"pydantic", "httpx2", "typer"},
    "api_schemas": HEAVY | WEB | QUEUE | {"PIL"},
    "store": HEAVY | WEB,
    "workers": WEB,
    "service": HEAVY,
    "pentimento": HEAVY | WEB | QUEUE,
}
LADDER = [
    {"errors", "window", "noise", "conditioning", "guidance", "progress", "lbfgs", "pretrained", "preview"}
    | {"resampling", "fidelity", "memory", "host_memory", "checkpoints", "fingerprints"},
    {"schedule", "alignment", "mapping", "record", "vision", "plugins", "learned", "attention", "fullres"},
    {
        "attention_pictures",
        "feature_pictures",
        "lane",
        "spec",
        "value_inputs",
        "regions",
        "inversion_guidance",
    },
    {"backbones"},
    {"models", "codec", "denoise", "noise_mask", "probing", "additions", "source_cache"},
    {"source", "inverters", "plan"},
    {"inverting", "methods", "painting", "blend", "edit_checks", "source_lane"},
    {"masks"},
    {"editing"},
    {"finding"},
]


def imports(path: Path, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def violations(root: Path, package: str, allowed: set[str], forbidden: set[str], ours: set[str]) -> list[str]:
    """Imports of this package that go against its arrows."""
    found = []
    for path in sorted((root / package).rglob("*.py")):
        inside = path.relative_to(root).parts[:-1]
        for line, name in imports(path, inside):
            top = name.partition(".")[0]
            if top in forbidden or (top in ours and top != package and top not in allowed):
                found.append(f"{path.relative_to(root)}:{line} imports {name}")
    return sorted(set(found))


@pytest.mark.parametrize("package", ARROWS)
def test_only_the_drawn_arrows_exist(package: str) -> None:
    forbidden = FORBIDDEN.get(package, set())
    assert violations(ROOT, package, ARROWS[package], forbidden, set(ARROWS)) == []


def test_no_package_is_left_out() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(ARROWS)


def test_nothing_but_tests_imports_tests() -> None:
    for package in ARROWS:
        assert violations(ROOT, package, set(ARROWS), {"tests", "conftest"}, set()) == []


def test_inside_the_engine_files_import_only_from_lower_rungs() -> None:
    rung = {name: height for height, names in enumerate(LADDER) for name in names}
    found = []
    for path in sorted((ROOT / "engine").rglob("*.py")):
        inside = path.relative_to(ROOT).parts
        own = inside[1].removesuffix(".py")
        if own == "__init__":
            continue
        assert own in rung, f"{own} has no place on the ladder"
        for line, name in imports(path, inside[:-1]):
            parts = name.split(".")
            target = rung.get(parts[1], 0) if parts[0] == "engine" and len(parts) > 1 else 0
            if target > rung[own]:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import torch",
        "import engine.codec as c",
        "from engine import load",
        "from torch.nn import functional",
        "def late():\n    import engine",
        "if True:\n    from workers.work import Work",
    ],
)
def test_a_forbidden_import_would_be_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "service" / "deep").mkdir(parents=True)
    (tmp_path / "service" / "deep" / "module.py").write_text(line)
    found = violations(tmp_path, "service", ARROWS["service"], FORBIDDEN["service"], set(ARROWS))
    assert found
    assert found[0].startswith("service/deep/module.py:")


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "service" / "deep").mkdir(parents=True)
    (tmp_path / "service" / "deep" / "module.py").write_text("from ..engine import x\nfrom . import torch")
    assert violations(tmp_path, "service", set(), HEAVY, set(ARROWS)) == []
