"""``python -m benchmarks.showing``: the README's two pictures, made by its own lines and by the page.

The first shows, beside the picture that they edit, what the README's lines of curl make, in their order. The
second is the studio after an edit, in a browser. Both come from the bundled model as it is served by default.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.overhead import serving

ROOT: Final = Path(__file__).parent.parent
PICTURE: Final = ROOT / "docs" / "images" / "edits.png"
STUDIO: Final = ROOT / "docs" / "images" / "studio.png"
_ENLARGED: Final = 3
_PATIENCE_MS: Final = 60_000


def lines() -> str:
    """The README's lines of curl."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return next(block for block in blocks if "curl" in block)


def painted(folder: Path, url: str, environment: Mapping[str, str]) -> dict[str, Image.Image]:
    """Run the lines against a service; returns by name, in order, the pictures that they leave."""
    (folder / "examples").symlink_to(ROOT / "examples")
    script = lines().replace("http://127.0.0.1:8000", url)
    subprocess.run(["bash", "-eu", "-c", script], cwd=folder, env=dict(environment), check=True, timeout=300)
    names = re.findall(r'^edit (\w+) "', script, re.MULTILINE)
    return {name: _picture(folder / f"{name}.png") for name in names}


def sheet(made: Mapping[str, Image.Image]) -> Image.Image:
    """The picture that the lines edit and what they make of it, in a row, every pixel enlarged."""
    row = [_picture(ROOT / "examples" / "cat.png"), *made.values()]
    width, height = (_ENLARGED * side for side in row[0].size)
    whole = Image.new("RGB", (width * len(row), height))
    for at, each in enumerate(row):
        whole.paste(each.resize((width, height), Image.Resampling.NEAREST), (at * width, 0))
    return whole


def studio(page: Page, url: str) -> None:
    """Take the page to where an edit is on the stage and further ones are in the history."""
    page.goto(url)
    page.get_by_role("button", name="Turn a cat on grass into a fox on grass").click()
    edits = page.locator('#edits li[data-status="succeeded"]')
    expect(edits).to_have_count(1)
    for number, sentence in enumerate(("put it on wood", "turn it into a watercolour"), 2):
        page.get_by_label("What the picture should show").fill(sentence)
        page.get_by_role("button", name="Edit", exact=True).click()
        expect(edits).to_have_count(number)
    edits.last.locator(".open").click()
    expect(page.locator("#looks")).to_contain_text("fox")


def _picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def main(
    browser: Annotated[str | None, typer.Option(help="The program of a Chromium; else one on PATH.")] = None,
) -> None:
    """Write both pictures."""
    expect.set_options(timeout=_PATIENCE_MS)
    with tempfile.TemporaryDirectory(prefix="pen-") as home, serving(Path(home)) as url:
        program = browser or shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as playwright:
            opened = playwright.chromium.launch(executable_path=program)
            page = opened.new_page(viewport={"width": 1280, "height": 1180})
            page.set_default_timeout(_PATIENCE_MS)
            studio(page, url)
            page.screenshot(path=STUDIO)
            opened.close()
        with tempfile.TemporaryDirectory() as desk:
            sheet(painted(Path(desk), url, os.environ)).save(PICTURE, optimize=True)


if __name__ == "__main__":
    typer.run(main)
