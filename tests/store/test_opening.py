"""Creating an image and removing its files never overlap."""

import io

import pytest
from PIL import Image

from api_schemas import InvertOptions
from service import inverting
from store import Ask, Lock, Store, Submission, keys

IMAGE = "img_" + "a" * 26


def submitted(shared: Store) -> str:
    options = InvertOptions(prompt="a cat")
    shared.blobs.put(keys.source(IMAGE), b"png")
    return shared.jobs.submit_invert(IMAGE, options, model="miniature", width=9, height=8).job_id


def test_a_deletion_waits_until_nobody_is_creating_the_image(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    creating, seen = Lock(shared.redis, f"files:{IMAGE}", 30), []
    assert creating.acquire()
    submitted(shared)

    def meanwhile(_: float) -> None:
        seen.append((shared.images.get(IMAGE) is not None, shared.blobs.exists(keys.source(IMAGE))))
        creating.release()

    monkeypatch.setattr("store.locks.sleep", meanwhile)
    assert shared.delete_image(IMAGE)
    assert seen == [(True, True)]
    assert not shared.blobs.exists(keys.source(IMAGE))
    assert creating.acquire()


def test_an_image_is_created_only_while_nobody_deletes_it(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((40, 32), 60).convert("RGB").save(buffer, "PNG")
    real, free = shared.jobs.submit_invert, []

    def watched(image: str, options: InvertOptions, **about: object) -> Submission:
        free.append(Lock(shared.redis, f"files:{image}", 30).acquire())
        return real(image, options, **about)  # type: ignore[arg-type]

    monkeypatch.setattr(shared.jobs, "submit_invert", watched)
    image = inverting.submit_invert(
        shared, InvertOptions(prompt="a cat"), buffer.getvalue(), Ask(), 10**6
    ).image_id
    assert free == [False]
    assert Lock(shared.redis, f"files:{image}", 30).acquire()


def test_what_a_late_job_stored_is_swept_unless_the_image_was_sent_again(shared: Store) -> None:
    submitted(shared)
    assert shared.delete_image(IMAGE)
    submitted(shared)
    shared.sweep_image(IMAGE)
    assert shared.blobs.exists(keys.source(IMAGE))
    assert shared.jobs.delete_image(IMAGE)
    shared.sweep_image(IMAGE)
    assert not shared.blobs.exists(keys.source(IMAGE))
