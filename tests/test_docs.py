"""What the documents name is there, and what there is to name is in them."""

import re
import subprocess
from pathlib import Path

import pytest

from api_schemas import ErrorCode

ROOT = Path(__file__).parent.parent
HOOK = re.compile(r"((?:`\w+`(?:,| and)? ?)+)in `([\w/]+\.py)`")
HOOKS = [
    (name, path)
    for names, path in HOOK.findall((ROOT / "docs" / "provenance.md").read_text())
    for name in re.findall(r"\w+", names.replace(" and ", " "))
]


def test_every_error_code_is_in_the_list_of_errors() -> None:
    _, _, errors = (ROOT / "docs" / "api.md").read_text().partition("\n## Errors\n")
    listed = set(re.findall(r"`(\w+)`", errors.partition("\n## ")[0]))
    assert {code.value for code in ErrorCode} - listed == set()


@pytest.mark.parametrize(("name", "path"), HOOKS)
def test_what_a_check_hooks_into_is_where_the_document_says(name: str, path: str) -> None:
    assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_module_that_a_document_runs_is_there() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    text = "".join((ROOT / name).read_text() for name in listed.stdout.split())
    named = set(re.findall(r"python -m ((?:benchmarks|miniature|service|workers)[\w.]*)", text))
    missing = {
        name
        for name in named
        if not any((ROOT / name.replace(".", "/")).with_suffix(end).exists() for end in (".py", ""))
    }
    assert named
    assert not missing
