import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pentimento import Client
from store import Store
from tests.pentimento.conftest import picture


@pytest.mark.usefixtures("worker")
def test_what_there_is_can_be_listed_shown_and_removed(run: Any, cat: Path) -> None:
    image = run("invert", str(cat), "-p", "a cat on grass").stdout.strip()
    made = json.loads(run("edit", image, "a dog on grass", "--json").stdout)

    head, row = run("images").stdout.splitlines()
    assert head.split() == ["image", "status", "method", "prompt", "created", "expires"]
    assert row.split()[:7] == [image, "ready", "aligned", "a", "cat", "on", "grass"]
    assert [each["id"] for each in json.loads(run("images", "--json").stdout)] == [image]

    for words, found in (
        (("--kind", "edit"), [made["id"]]),
        (("--status", "failed"), []),
        (("--image", image, "--limit", "1"), [made["id"]]),
    ):
        assert [job["id"] for job in json.loads(run("jobs", *words, "--json").stdout)] == found

    shown = run("show", made["id"]).stdout
    assert f"image      {image}\n" in shown
    assert f"picture 1  {made['result']['images'][0]['url']}\n" in shown
    assert '"prompt": "a dog on grass"' in shown
    assert json.loads(run("show", made["id"], "--json").stdout) == {
        name: value for name, value in made.items() if name != "files"
    }
    assert "kept     30.5 dB, SSIM 0.900\n" in run("show", image).stdout

    assert run("delete", image).stdout == f"deleted {image}\n"
    gone = run("show", image)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "no image" in gone.stderr


@pytest.mark.usefixtures("worker")
def test_why_a_job_failed_is_shown(run: Any, cat: Path) -> None:
    failed = json.loads(run("invert", str(cat), "-p", "fail", "--json").stdout)
    assert "error     the latents are not finite\n" in run("show", failed["id"]).stdout


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("suffix", "format"), [("jpg", "JPEG"), ("webp", "WEBP"), ("PNG", "PNG")])
def test_the_suffix_is_the_format(run: Any, cat: Path, tmp_path: Path, suffix: str, format: str) -> None:
    image = run("invert", str(cat), "-p", "a cat on grass").stdout.strip()
    made = run("edit", image, "a dog", "-o", f"dog.{suffix}", "--quality", "80", "--json")
    with Image.open(tmp_path / f"dog.{suffix}") as picture:
        assert picture.format == format
    assert json.loads(made.stdout)["request"]["output_format"] == format.lower()
    refused = run("edit", image, "a dog", "-o", "dog.tiff")
    assert refused.exit_code == 2
    assert ".webp" in refused.stderr


def test_a_job_can_be_given_a_deadline(run: Any, cat: Path) -> None:
    accepted = json.loads(
        run("invert", str(cat), "-p", "a cat", "--no-wait", "--cancel-after", "5m", "--json").stdout
    )
    assert json.loads(run("show", accepted["job_id"], "--json").stdout)["deadline_at"] is not None
    assert "deadline" in run("show", accepted["job_id"]).stdout


def test_lists_go_on_over_their_pages(live: str, cat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pentimento.core.PAGE", 2)
    with Client(live) as client:
        colours = ["red", "green", "blue", "black", "white"]
        made = [client.invert(picture(colour), prompt="a cat") for colour in colours]
        wanted = [each.job_id for each in reversed(made)]
        for limit in (None, 5, 4, 3, 1, 0):
            assert [job.id for job in client.jobs(limit)] == wanted[:limit]
        assert [image.id for image in client.images()] == [each.image_id for each in reversed(made)]
        newest = client.jobs()
        next(newest)
        client.invert(cat, prompt="a cat that comes meanwhile")
        assert [job.id for job in newest] == wanted[1:]


def test_a_key_that_is_missing_is_named(run: Any, shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = shared.apikeys.add("team")
    refused = run("jobs")
    assert refused.exit_code == 1
    assert "PENTIMENTO_API_KEY" in refused.stderr
    monkeypatch.setenv("PENTIMENTO_API_KEY", secret)
    assert run("jobs").exit_code == 0
