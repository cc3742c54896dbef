"""What installed packages add: inverters, methods and families, read at the first look or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import FAMILIES, INVERTERS, METHODS
from engine.errors import BrokenPlugin, UnknownMethod
from engine.inverters import DDIMInverter
from engine.inverters import _entry as inverter_entry
from engine.plugins import Registry
from parameters import EDITS, INVERSIONS

Install = Callable[[str, str], Registry[object]]
GROUP = "pentimento.tests"
GOOD = """
from engine.inverters import Inverter
from parameters import InversionParameters

class Sketch(InversionParameters):
    '''Sketch: an inversion from outside.'''

    name = "sketch"

class SketchInverter(Inverter):
    params = Sketch

    def invert(self, model, source, schedule, params, on_progress):
        raise NotImplementedError
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package of one module and one entry point, and look into a registry anew."""

    def installed(source: str, entry: str) -> Registry[object]:
        (tmp_path / f"{entry.partition(':')[0]}.py").write_text(source)
        info = tmp_path / "sketches-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sketches\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nsketch = {entry}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return Registry(GROUP, inverter_entry, (DDIMInverter,))

    return installed


def test_what_an_installed_package_has_is_found_beside_the_engines_own(install: Install) -> None:
    registry = install(GOOD, "engine_outside_good:SketchInverter")

    assert list(registry) == ["ddim", "sketch"]
    assert len(registry) == 2
    assert type(registry["sketch"]).__name__ == "SketchInverter"
    assert registry.find("sketch") is registry["sketch"]
    with pytest.raises(UnknownMethod) as caught:
        registry.find("nothing")
    assert caught.value.known == ["ddim", "sketch"]


def test_a_package_is_not_read_before_the_first_look(install: Install) -> None:
    registry = install("raise RuntimeError('read')", "engine_outside_lazy:SketchInverter")

    with pytest.raises(BrokenPlugin):
        len(registry)


@pytest.mark.parametrize(
    ("source", "entry", "reason"),
    [
        ("raise RuntimeError('no luck')", "engine_outside_raises:SketchInverter", "no luck"),
        ("import nowhere_to_be_found", "engine_outside_imports:SketchInverter", "nowhere_to_be_found"),
        ("SketchInverter = 3", "engine_outside_wrong:SketchInverter", "raises"),
        ("", "engine_outside_empty:SketchInverter", "SketchInverter"),
        (GOOD.replace('"sketch"', '"ddim"'), "engine_outside_taken:SketchInverter", "'ddim' already"),
        (GOOD.replace("def invert(", "def revert("), "engine_outside_abstract:SketchInverter", "abstract"),
    ],
)
def test_a_broken_package_is_named_with_the_reason(
    install: Install, source: str, entry: str, reason: str
) -> None:
    registry = install(source, entry)

    for _ in range(2):
        with pytest.raises(BrokenPlugin, match="the package sketches") as caught:
            list(registry)
        assert reason in caught.value.reason


def test_everything_has_parameters_and_nothing_has_not() -> None:
    assert INVERTERS.keys() == INVERSIONS.keys()
    assert METHODS.keys() == EDITS.keys()
    assert all(METHODS[name].params is kind for name, kind in EDITS.items())
    assert set(FAMILIES) == {"StableDiffusion", "StableDiffusionXL", "StableDiffusion3"}
