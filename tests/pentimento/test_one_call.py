"""A picture and its edit in one call: from Python, from the shell, with photographs."""

import asyncio
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from api_schemas import EditRequest
from pentimento import AsyncClient, Client
from store import Store, keys
from tests.pictures.files import encoded, plain
from tests.pictures.photographs import Photograph, difference, photographs

BLUE = (0, 0, 255)


def stored(shared: Store, image_id: str) -> Image.Image:
    with Image.open(io.BytesIO(shared.blobs.get(keys.source(image_id)))) as image:
        return image.convert("RGB")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("photograph", photographs(), ids=lambda photograph: photograph.name)
def test_photographs_arrive_as_one_sees_them(
    live: str, run: Any, shared: Store, tmp_path: Path, photograph: Photograph
) -> None:
    (tmp_path / photograph.name).write_bytes(photograph.file)
    words = photograph.caption.replace(photograph.caption.split()[-1], "grass")
    shell = run("edit", photograph.name, words, "--from", photograph.caption, "-o", "made.png")
    assert shell.exit_code == 0, shell.output
    with Client(live) as client:
        made = client.edit(photograph.file, words, source_prompt=photograph.caption).wait(timeout_s=20)
        inverted = client.invert(tmp_path / photograph.name, prompt=photograph.caption).wait(timeout_s=20)
        [image] = client.images()
    assert made.image_id == inverted.image_id == image.id
    assert (image.width, image.height) == (256, 256)
    assert difference(stored(shared, image.id), photograph.seen) < 3.0


@pytest.mark.usefixtures("worker")
def test_the_same_edit_of_the_same_picture_is_one_job(live: str, cat: Path) -> None:
    with Client(live) as client:
        first = client.edit(cat, "a dog on grass", source_prompt="a cat on grass")
        assert first.images[0].getpixel((0, 0)) == BLUE
        for again in (cat.read_bytes(), Image.open(cat)):
            known = client.edit(again, "a dog on grass", source_prompt="a cat on grass")
            assert (known.job_id, known.accepted.status) == (first.job_id, "succeeded")


@pytest.mark.usefixtures("worker")
def test_awaited_with_everything_that_a_form_has_to_carry(live: str, shared: Store) -> None:
    async def path() -> None:
        async with AsyncClient(live) as client:
            edit = await client.edit(
                encoded(plain(90, 30)),
                ["a dog on grass", "a fox on grass"],
                source_prompt="a cat on grass",
                fit="crop",
                inversion={"method": "ddim", "steps": 20},
                params={"tau_s": 0.3},
                guidance_scale=4.5,
                seed=7,
                output_format="webp",
            )
            made = await edit.wait(timeout_s=20)
            assert len(made.images) == 2

    asyncio.run(path())
    [job] = shared.jobs.page("default", limit=1, kind="edit")[0]
    request = EditRequest.model_validate(job.request)
    assert (request.guidance_scale, request.seed, request.output_format) == (4.5, 7, "webp")
    assert request.inversion is not None
    assert (request.inversion.method, request.inversion.steps) == ("ddim", 20)
    image = shared.images.get(job.image_id)
    assert image is not None
    assert (image.width, image.height) == (60, 30)


def test_a_picture_without_what_it_shows_and_an_id_with_it_are_refused(
    live: str, run: Any, cat: Path
) -> None:
    with Client(live) as client, pytest.raises(TypeError, match="source_prompt"):
        client.edit(cat.read_bytes(), "a dog on grass")
    for words, reason in (
        (("cat.png", "a dog"), "--from"),
        (("img_" + "a" * 26, "a dog", "--from", "a cat"), "--from"),
        (("nowhere.png", "a dog", "--from", "a cat"), "no file"),
        (("cat.png", "a dog", "a fox", "--from", "a cat", "-o", "-"), "stdout"),
    ):
        result = run("edit", *words)
        assert result.exit_code == 2
        assert reason in " ".join(result.output.split())


@pytest.mark.usefixtures("worker")
def test_from_stdin_to_stdout(live: str, run: Any, cat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pentimento.cli import working

    out = io.BytesIO()
    streams = SimpleNamespace(
        stdin=SimpleNamespace(buffer=io.BytesIO(cat.read_bytes())), stdout=SimpleNamespace(buffer=out)
    )
    monkeypatch.setattr(working, "sys", streams)
    result = run("edit", "-", "a dog on grass", "--from", "a cat on grass", "-o", "-")
    assert result.exit_code == 0, result.output
    assert Image.open(io.BytesIO(out.getvalue())).getpixel((0, 0)) == BLUE


@pytest.mark.usefixtures("worker")
def test_warnings_are_on_stderr(run: Any, cat: Path) -> None:
    result = run("edit", "cat.png", "a dog (dog:1.5)", "--from", "a cat", "-o", "dog.png")
    assert result.exit_code == 0, result.output
    assert result.stdout == "dog.png\n"
    assert "warning: '(dog:1.5)' is read as plain text" in " ".join(result.stderr.split())


@pytest.mark.usefixtures("worker")
def test_a_result_is_edited_further(live: str, run: Any, cat: Path, shared: Store) -> None:
    first = run("edit", "cat.png", "a dog on grass", "a fox on grass", "--from", "a cat on grass", "--json")
    job = json.loads(first.stdout)
    second = run("edit", job["id"], "a lion on grass", "--picture", "2", "-o", "lion.png")
    assert second.exit_code == 0, second.output
    path = job["result"]["images"][0]["url"]
    third = run("edit", path, "a lion on grass", "--from", "a puppy", "-o", "x.png")
    assert third.exit_code == 0, third.output
    with Client(live) as client:
        by_word = {image.prompt: client.image(image.id) for image in client.images()}
    assert set(by_word) == {"a cat on grass", "a fox on grass", "a puppy"}
    assert stored(shared, by_word["a fox on grass"].id).getpixel((0, 0)) == (0, 128, 0)
    beyond = run("edit", job["id"], "a lion on grass", "--picture", "3")
    assert (beyond.exit_code, "made 2 pictures" in beyond.stderr) == (1, True)


@pytest.mark.usefixtures("worker")
def test_a_region_reaches_the_service(live: str, run: Any, shared: Store, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(encoded(plain(200, 160)))
    words = ("edit", "large.png", "a dog on grass", "--from", "a cat on grass", "-o", "dog.png", "--region")
    assert run(*words, "10,20,64,48").exit_code == 0
    assert run(*words, "auto").exit_code == 0
    with Client(live) as client:
        cat = client.invert(tmp_path / "large.png", "a cat on grass", region=(0, 0, 64, 64))
        client.edit(cat, "a dog on grass")
        client.edit(cat, "a dog on grass", region=None)
        asked = [job.request["region"] for job in client.jobs(kind="edit")]
    assert asked == [None, [0, 0, 64, 64], "auto", [10, 20, 64, 48]]
    for wrong, reason in (("10,20,64", "four whole numbers"), ("150,0,64,64", "the image is 200x160")):
        result = run(*words, wrong)
        assert (result.exit_code, reason in " ".join(result.stderr.split())) == (1, True)
    assert run(*words, "left").exit_code == 2


def half(mode: str = "L") -> Image.Image:
    """A mask whose left half is open; with alpha, what is closed is transparent."""
    mask = Image.new("LA" if mode == "LA" else "L", (64, 64), 0)
    mask.paste((255, 255) if mode == "LA" else 255, (0, 0, 32, 64))
    return mask


@pytest.mark.usefixtures("worker")
def test_a_mask_is_sent_with_an_edit_however_it_is_given(
    live: str, cat: Path, shared: Store, tmp_path: Path, run: Any
) -> None:
    file = tmp_path / "mask.png"
    half().save(file)

    async def awaited(image: str) -> str:
        async with AsyncClient(live) as client:
            return (await client.edit(image, "a dog on grass", mask=half())).job_id

    with Client(live) as client:
        inversion = client.invert(cat, prompt="a cat on grass")
        for mask in (file, str(file), file.read_bytes(), half("LA")):
            client.edit(inversion, "a dog on grass", mask=mask, seed=3)
        client.edit(cat.read_bytes(), "a dog on grass", source_prompt="a cat on grass", mask=file)
        asyncio.run(awaited(inversion.image_id))
        result = run("edit", inversion.image_id, "a dog on grass", "--mask", str(file), "--no-wait")
        assert result.exit_code == 0, result.output
        jobs, _ = shared.jobs.page("default", limit=20, kind="edit")
        [path] = {job.request["mask"] for job in jobs}
        assert len(jobs) == 7
        again = client.edit(inversion, "a fox on grass", mask=str(path))
        assert client.job(again).request["mask"] == path
        sent = client.picture(str(path)).convert("L")
    assert (sent.size, sent.getpixel((0, 0)), sent.getpixel((31, 0))) == ((32, 32), 255, 0)
    missing = run("edit", inversion.image_id, "a dog", "--mask", str(tmp_path / "nowhere.png"))
    assert missing.exit_code == 2
