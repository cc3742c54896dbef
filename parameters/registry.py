"""The methods there are, by name: the project's own, and those of installed packages."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Generic, TypeVar

from parameters.base import EditParameters, InversionParameters, Parameters
from parameters.edits import OWN as OWN_EDITS
from parameters.errors import BrokenPlugin, UnknownMethod
from parameters.inversions import OWN as OWN_INVERSIONS

GROUP: Final = "pentimento.parameters"

Kind = TypeVar("Kind", bound=Parameters)
Found = TypeVar("Found")


class Registry(Mapping[str, type[Kind]], Generic[Kind]):
    """Parameters by the name of their method.

    Plug-ins are read at the first look, not at import: a plug-in's module imports this package itself.
    """

    def __init__(self, kind: type[Kind], *own: type[Kind]) -> None:
        self._kind, self._own = kind, own

    def __getitem__(self, name: str) -> type[Kind]:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    @cached_property
    def _known(self) -> dict[str, type[Kind]]:
        known = {each.name: each for each in self._own}
        for entry in entry_points(group=GROUP):
            found = load(entry)
            if not issubclass(found, self._kind):
                continue
            if known.setdefault(found.name, found) is not found:
                raise BrokenPlugin(_distribution(entry), f"there is a method {found.name!r} already")
        return known


def load(entry: EntryPoint) -> type[InversionParameters] | type[EditParameters]:
    """The parameters that an entry point of `GROUP` names; raises `BrokenPlugin`."""
    try:
        found = entry.load()
    except Exception as error:
        raise BrokenPlugin(_distribution(entry), f"{entry.value} raises {error!r}") from error
    if not (isinstance(found, type) and issubclass(found, InversionParameters | EditParameters)):
        raise BrokenPlugin(
            _distribution(entry), f"{entry.value} is no subclass of InversionParameters or EditParameters"
        )
    if not isinstance(getattr(found, "name", None), str):
        raise BrokenPlugin(_distribution(entry), f"{entry.value} has no name")
    return found


def find(registry: Mapping[str, Found], name: object) -> Found:
    """The entry of a registry for a method; raises `UnknownMethod`."""
    if not isinstance(name, str) or name not in registry:
        raise UnknownMethod(str(name), registry)
    return registry[name]


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.name


INVERSIONS: Final = Registry(InversionParameters, *OWN_INVERSIONS)
EDITS: Final = Registry(EditParameters, *OWN_EDITS)


def for_pictures() -> dict[str, type[InversionParameters]]:
    """The inversions of pictures that are sent, by name: all but those that paint their own."""
    return {name: inversion for name, inversion in INVERSIONS.items() if not inversion.paints}
