"""The methods there are, with those of installed packages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from parameters import EDITS, GROUP, INVERSIONS, P2P, BrokenPlugin, EditParameters, UnknownMethod, find
from parameters.registry import Registry

Install = Callable[[str, str], Registry[EditParameters]]

GOOD = """
from parameters import EditParameters

class Sketch(EditParameters):
    '''Sketch: an edit from outside.'''

    name = "sketch"
    needs = frozenset({"lines"})
    strength: float = 0.5
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package with one module and one entry point, and look into a registry anew."""

    def installed(source: str, entry: str) -> Registry[EditParameters]:
        module = entry.partition(":")[0]
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / "sketches-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sketches\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nsketch = {entry}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return Registry(EditParameters, P2P)

    return installed


def test_a_method_of_an_installed_package_is_found_beside_the_projects_own(install: Install) -> None:
    registry = install(GOOD, "outside_good:Sketch")
    assert list(registry) == ["p2p", "sketch"]
    found = find(registry, "sketch")
    assert (found.summary, found.needs) == ("Sketch: an edit from outside.", frozenset({"lines"}))
    assert "strength" in found.model_fields
    assert "attention" in found.model_fields


@pytest.mark.parametrize(
    ("source", "entry", "reason"),
    [
        ("raise RuntimeError('no luck')", "outside_raises:Sketch", "no luck"),
        ("import nowhere_to_be_found", "outside_imports:Sketch", "nowhere_to_be_found"),
        ("Sketch = 3", "outside_wrong:Sketch", "no subclass"),
        ("", "outside_empty:Sketch", "Sketch"),
        (GOOD.replace('"sketch"', '"p2p"'), "outside_taken:Sketch", "'p2p' already"),
        (GOOD.replace('name = "sketch"', ""), "outside_nameless:Sketch", "no name"),
    ],
)
def test_a_broken_package_is_named_with_the_reason(
    install: Install, source: str, entry: str, reason: str
) -> None:
    registry = install(source, entry)
    with pytest.raises(BrokenPlugin, match="the package sketches") as caught:
        list(registry)
    assert reason in caught.value.reason


@pytest.mark.parametrize("name", ["p3p", "", 5, None])
def test_an_unknown_method_is_answered_with_those_there_are(name: object) -> None:
    with pytest.raises(UnknownMethod) as caught:
        find(EDITS, name)
    assert {"p2p", "p2plus", "plain", "pnp"} <= set(caught.value.known)


def test_names_are_those_of_the_classes() -> None:
    for registry in (EDITS, INVERSIONS):
        assert all(cls.name == name for name, cls in registry.items())
