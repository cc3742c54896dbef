"""What may be asked of an edit."""

from __future__ import annotations

from typing import Any

import pytest

from engine import P2P, Edit
from engine.errors import InvalidParameter

ODD: dict[str, list[Any]] = {
    "prompt": [(), [], None, 5, ("a", 5), b"a", {"a": 1}],
    "guidance_scale": [float("nan"), float("-inf"), "7", [1], 1j, 10**400, True],
    "only": [1, -1, "0", [0]],
    "method": ["p2p", P2P, {}, 1],
    "preset": ["mine", 1, True],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ODD for value in ODD[name]],
    ids=lambda value: str(value)[:24],
)
def test_odd_edits_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidParameter, match=f"{name} is"):
        Edit(**{"prompt": "a dog", name: value})
