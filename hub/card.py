"""The licence in a model's card."""

import re
from pathlib import Path

_FIELD = re.compile(r"^(license|license_name):\s*['\"]?([^'\"\n]+?)['\"]?\s*$", re.MULTILINE)


def licence_of(folder: Path) -> str | None:
    """The licence that the card of a model's folder states, by its own name where it is "other"."""
    try:
        text = (folder / "README.md").read_text(errors="replace")[:20_000]
    except OSError:
        return None
    if not text.startswith("---"):
        return None
    found = dict(_FIELD.findall(text.split("---", 2)[1]))
    return found.get("license_name") or found.get("license")
