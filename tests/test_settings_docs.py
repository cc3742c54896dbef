"""The table of environment variables is that of the declarations, and leaves none out."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "settings.md").read_text()
LISTED = set(re.findall(r"^\| `([A-Z_]+)`", PAGE, re.MULTILINE))


def test_the_page_is_what_the_command_writes() -> None:
    command = [sys.executable, str(ROOT / "docs" / "settings.py")]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert written == PAGE, "run `make settings`"


def test_every_variable_that_is_spoken_of_is_in_the_table() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    spoken: dict[str, str] = {}
    for name in names.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yml", ".yaml", ".sh", ".js", ".html") and not name.startswith(
            "tests/"
        ):
            text = path.read_text() if path.is_file() else ""
            spoken |= dict.fromkeys(re.findall(r"\bPENTIMENTO_[A-Z][A-Z_]*[A-Z]\b", text), name)
    assert {variable: name for variable, name in spoken.items() if variable not in LISTED} == {}
