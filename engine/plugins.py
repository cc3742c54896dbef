"""Registries of what the engine has and what installed packages add to it by their entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from engine.errors import BrokenPlugin, UnknownMethod

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Things by name: the engine's own, and those that the entry points of a group name.

    Plug-ins are read at the first look, not at import: a plug-in's module imports the engine itself. `entry`
    makes a name and a thing of a class.

    Raises:
        BrokenPlugin: one cannot be imported, or takes a name that is taken.
    """

    def __init__(self, group: str, entry: Callable[[Any], tuple[str, T]], own: Iterable[Any]) -> None:
        self._group, self._entry, self._own = group, entry, tuple(own)

    def __getitem__(self, name: str) -> T:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, name: str) -> T:
        """The entry of this name; raises `UnknownMethod`, which lists those there are."""
        if name not in self:
            raise UnknownMethod(name, self)
        return self[name]

    @cached_property
    def _known(self) -> dict[str, T]:
        known = dict(self._entry(each) for each in self._own)
        for point in entry_points(group=self._group):
            package = point.dist.name if point.dist else point.value
            try:
                name, thing = self._entry(point.load())
            except Exception as error:
                raise BrokenPlugin(package, f"{point.value} raises {error!r}") from error
            if name in known:
                raise BrokenPlugin(package, f"there is a {name!r} already")
            known[name] = thing
        return known
