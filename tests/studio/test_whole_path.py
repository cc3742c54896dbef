"""The studio as a stranger meets it: the real service, the real model, a real browser."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.studio.conftest import dial

BEGUN = re.compile(r"[1-9]\d*")
Serving = tuple[subprocess.Popen[str], str]


@pytest.fixture
def url(serving: Serving) -> str:
    return serving[1]


def invert(page: Page, url: str, example: str, steps: int) -> None:
    page.goto(url)
    page.get_by_role("button", name=f"Example: {example}").click()
    page.get_by_text("How it is prepared").click()
    page.locator("#how").get_by_label("Steps").fill(str(steps))
    page.get_by_role("button", name="Prepare it now").click()


def run(command: list[str], script: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, input=script, cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_from_an_example_to_an_edit_that_can_be_repeated(page: Page, url: str, tmp_path: Path) -> None:
    invert(page, url, "a cat on grass", steps=10)
    expect(page.locator("#progress").get_by_role("progressbar")).to_be_visible()

    target = page.get_by_label("What the picture should show")
    target.fill("a fox on tall grass")
    expect(page.locator("#ink .changed")).to_have_text("fox")
    expect(page.locator("#ink .added")).to_have_text("tall")
    expect(page.locator("#reading")).to_have_text("cat → fox · new: tall")
    expect(page.locator("#chosen")).to_contain_text("A thing is swapped")
    expect(page.get_by_role("button", name="where words change", pressed=True)).to_be_visible()
    page.get_by_text("How much of the source is kept").click()
    page.locator("#methods").get_by_text("p2p", exact=True).click()
    page.get_by_role("button", name="where words change").click()
    dial(page, "tau_s").press("ArrowLeft")
    page.get_by_text("How much each word counts").click()
    page.get_by_role("spinbutton", name="Weight of fox").fill("1.5")

    go = page.get_by_role("button", name="Edit", exact=True)
    expect(go).to_be_enabled()
    go.click()
    expect(page.locator("#progress").get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#outcome")).to_be_visible()
    expect(page.locator("#figures")).to_be_hidden()
    page.locator("#details summary").click()
    figures = page.locator("#figures").inner_text()
    assert all(name in figures for name in ("Took", "from the cache", "PSNR", "SSIM", "Outside the mask"))

    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    expect(page.locator("#after")).to_have_attribute("alt", "The edit: a fox on tall grass")

    clip = "getComputedStyle(document.getElementById('after')).clipPath"
    before = page.evaluate(clip)
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert page.evaluate(clip) != before
    assert page.locator("#divider").input_value() == "25"

    shown = page.locator("#after").get_attribute("src")
    page.locator("#looks").get_by_role("button", name="fox").hover()
    expect(page.locator("#caption")).to_have_text("Where “cat” and “fox” look")
    expect(page.locator("#after")).not_to_have_attribute("src", shown or "")
    page.mouse.move(2, 2)
    expect(page.locator("#after")).to_have_attribute("src", shown or "")

    card = page.locator("#edits li")
    expect(card).to_have_count(1)
    job = httpx2.get(f"{url}/jobs/{card.get_attribute('data-job')}", trust_env=False).json()
    assert (
        job["request"]["params"]
        | {
            "tau_s": 0.75,
            "reweight": {"fox": 1.5},
            "blend_words": "changed",
            "attention": True,
        }
        == job["request"]["params"]
    )
    made = httpx2.get(url + job["result"]["images"][0]["url"], trust_env=False).content
    card.get_by_text("Code").click()
    for name, command in {"curl": ["bash", "-e"], "Python": [sys.executable, "-"]}.items():
        card.get_by_role("button", name=f"Copy as {name}").click()
        expect(page.get_by_role("status").filter(has_text=f"Copied as {name}")).to_be_visible()
        run(command, page.evaluate("navigator.clipboard.readText()"), tmp_path)
        copied = Image.open(io.BytesIO((tmp_path / "edit.png").read_bytes()))
        assert copied.tobytes() == Image.open(io.BytesIO(made)).tobytes()
        (tmp_path / "edit.png").unlink()


def test_an_inversion_survives_a_reload_and_can_be_canceled(page: Page, url: str) -> None:
    invert(page, url, "a fox on snow", steps=400)
    bar = page.locator("#progress").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", BEGUN)
    expect(page.get_by_alt_text("What the job shows by now")).to_be_visible()
    page.reload()
    expect(bar).to_have_attribute("aria-valuenow", BEGUN)
    jobs = httpx2.get(f"{url}/jobs?kind=invert&status=processing", trust_env=False).json()["jobs"]
    assert [job["request"]["prompt"] for job in jobs] == ["a fox on snow"]
    expect(page.locator("#said")).to_have_text("a fox on snow")
    page.locator("#progress").get_by_role("button", name="Cancel").click()
    expect(page.locator("#job-error")).to_contain_text("canceled")
    expect(bar).to_be_hidden()

    page.get_by_role("button", name="Prepare it differently").click()
    expect(page.get_by_label("What the picture shows")).to_have_value("a fox on snow")
    expect(page.get_by_role("button", name="Prepare it now")).to_be_enabled()
