"""Masks that were sent: applied by the worker, at the model's size and at the original's."""

import hashlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from api_schemas import EditResult, ErrorCode, JobStatus
from store import keys
from tests.workers.conftest import Bench, ask, picture, send
from tests.workers.test_resolution import fetched, only

SIZE = (128, 96)
BOX = (31, 23, 77, 58)
"""Of the mask at the original's size, in no whole pixels of the model's."""


def put(bench: Bench, image: str, mask: Image.Image) -> str:
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    key = f"images/{image}/masks/{hashlib.sha256(buffer.getvalue()).hexdigest()}.png"
    bench.shared.blobs.put(key, buffer.getvalue())
    return f"/{key}"


def opened() -> Image.Image:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((BOX[0], BOX[1], BOX[2] - 1, BOX[3] - 1), fill=255)
    return mask


@pytest.fixture
def image(bench: Bench) -> str:
    return bench.work(send(bench.shared, image=picture(3).resize(SIZE, Image.Resampling.BICUBIC))).image_id


def edited(bench: Bench, image: str, mask: str, **asked: object) -> EditResult:
    job = bench.work(ask(bench.shared, image, prompt="a dog on grass", mask=mask, **asked))
    assert isinstance(job.result, EditResult), job.error
    return job.result


@pytest.mark.parametrize("method", ["p2p", "plain", "pnp"])
def test_outside_the_mask_no_value_of_the_original_changes(bench: Bench, image: str, method: str) -> None:
    made = only(edited(bench, image, put(bench, image, opened()), method=method, seed=5))

    full, mask = fetched(bench, made.full_url), np.asarray(fetched(bench, made.full_mask_url)) > 0
    before = bench.shared.blobs.picture(f"images/{image}/source.png")
    changed = (np.asarray(full) != np.asarray(Image.open(io.BytesIO(before)))).any(-1)
    given = np.asarray(opened()) > 0
    assert changed.any()
    assert not (changed & ~mask).any()
    assert not (mask & ~given).any()
    assert (changed & given).sum() > 0.5 * given.sum()
    assert changed[BOX[1] : BOX[3], BOX[0]].any(), "the very edge of the mask may change"


def test_a_mask_that_only_adds_to_others_does_not_bound_the_change(bench: Bench, image: str) -> None:
    words = {"blend_words": ["dog", "cat"], "subtract_words": ["on"], "combine_masks": "or"}
    made = only(edited(bench, image, put(bench, image, opened()), params=words))

    mask = np.asarray(fetched(bench, made.full_mask_url)) > 0
    assert (mask & ~(np.asarray(opened()) > 0)).any()


def test_the_seed_is_in_the_answer(bench: Bench, image: str) -> None:
    mask = put(bench, image, opened())
    assert edited(bench, image, mask, seed=5).seed == 5
    assert edited(bench, image, mask).seed == 0


def test_a_mask_that_opens_nothing_of_what_the_model_sees_fails_the_job(bench: Bench, image: str) -> None:
    speck = Image.new("L", SIZE)
    speck.putpixel((64, 40), 255)

    job = bench.work(ask(bench.shared, image, prompt="a dog on grass", mask=put(bench, image, speck)))

    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("empty_mask", 422)


def test_masks_that_exclude_each_other_are_warned_of(bench: Bench, image: str) -> None:
    free = only(
        edited(
            bench,
            image,
            put(bench, image, Image.new("L", SIZE, 255)),
            params={"blend_words": ["dog"], "blend_threshold": 0.9},
        )
    )
    found = np.asarray(fetched(bench, free.model_mask_url)) > 0
    assert not found.all()
    elsewhere = Image.fromarray(~found).convert("L").resize(SIZE, Image.Resampling.NEAREST)

    asked = ask(
        bench.shared,
        image,
        prompt="a dog on grass",
        mask=put(bench, image, elsewhere),
        params={"blend_words": ["dog"], "blend_threshold": 0.9},
    )
    job = bench.work(asked)
    closed = bench.work(
        ask(
            bench.shared,
            image,
            prompt="a dog on grass",
            params={"subtract_words": ["dog"], "blend_threshold": 1e-9},
        )
    )

    for ended, why in ((job, "the mask that was sent"), (closed, "its words name no place")):
        said = {warning.code: warning.message for warning in ended.warnings}
        assert why in said["empty_mask"]
        made = only(ended.result)
        assert (
            fetched(bench, made.full_url).tobytes() == fetched(bench, f"/images/{image}/source.png").tobytes()
        )


def test_attention_is_shown_step_by_step(bench: Bench, image: str) -> None:
    result = edited(bench, image, put(bench, image, opened()), params={"attention_steps": 3})

    assert result.attention_steps == [0, 2, 3]
    assert result.images[0].attention is not None
    word = {each.word: each for each in result.images[0].attention}["dog"]
    assert (word.source_url, word.source_steps_url) == (None, None)
    assert fetched(bench, word.steps_url).size == (3 * 40, 32)


@pytest.mark.parametrize("damage", [None, b"\x89PNG and no more"])
def test_a_mask_that_is_lost_fails_the_job_by_its_name(
    bench: Bench, image: str, damage: bytes | None
) -> None:
    mask = put(bench, image, opened())
    key = mask.removeprefix("/")
    bench.shared.blobs.put(key, damage) if damage else bench.shared.blobs.remove(key)
    job = bench.work(ask(bench.shared, image, prompt="a dog on grass", mask=mask))
    assert job.error is not None
    assert (job.error.code, job.error.parameter) == (ErrorCode.DAMAGED, "mask")
    assert "send the edit again with the mask" in job.error.detail


def test_an_image_is_decoded_once_in_a_job(
    bench: Bench, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = send(bench.shared, image=picture(4).resize(SIZE, Image.Resampling.BICUBIC))
    mask = put(bench, waiting.image_id, opened())
    several = {"prompts": ["a dog on grass", "a cow on grass"], "mask": mask}
    for job in (waiting, ask(bench.shared, waiting.image_id, **several)):
        other, reads = make_bench(), []
        read = other.shared.blobs.picture

        def counted(key: str, reads: list[str] = reads, read: Any = read) -> bytes:
            reads.append(key)
            return bytes(read(key))

        monkeypatch.setattr(other.shared.blobs, "picture", counted)
        assert other.work(job).status is JobStatus.SUCCEEDED
        assert reads.count(keys.source(waiting.image_id)) == 1
