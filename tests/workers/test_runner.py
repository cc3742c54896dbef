"""What becomes of a job, with the real engine, store and files."""

import time
from typing import Any

import pytest

import engine
from api_schemas import InvertResult, JobStatus, Progress
from parameters import for_pictures
from store import Claim, JobStore, Verdict, keys
from store.blobs import Blobs
from tests.workers.conftest import Bench, ask, edited, files, inverted, job_of, record_of, send
from workers.reporter import Reporter


@pytest.mark.parametrize("method", for_pictures())
def test_an_inversion_leaves_a_record_and_pictures_of_what_the_model_sees(bench: Bench, method: str) -> None:
    job = bench.work(send(bench.shared, method=method))
    assert isinstance(job.result, InvertResult), job.error
    assert (job.result.width, job.result.height, job.result.cached) == (32, 32, False)
    for url in (job.result.source_url, job.result.reconstruction_url):
        assert bench.shared.blobs.get(url.removeprefix("/")).startswith(b"\x89PNG")
    assert bench.shared.blobs.exists(keys.record_file(*record_of(bench.shared, job.image_id), "record.json"))


def test_an_inversion_that_learns_is_canceled_between_its_inner_steps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, heard = send(bench.shared, method="stylediffusion"), []
    real = Reporter.__call__

    def canceled_meanwhile(reporter: Reporter, now: engine.Progress) -> None:
        heard.append(now.phase)
        if now.phase == "optimize":
            bench.shared.jobs.request_cancel(job.id)
            time.sleep(0.25)  # within which it must have been asked whether to stop
        real(reporter, now)

    monkeypatch.setattr(Reporter, "__call__", canceled_meanwhile)
    assert bench.work(job).status is JobStatus.CANCELED
    assert heard.count("optimize") == 1
    assert list(files(bench.shared, job.image_id)) == ["source.png"]


def test_percent_never_falls_and_ends_at_100(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float | None]] = []
    real = JobStore.progress

    def note(jobs: JobStore, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
        told.append((progress.phase, progress.percent))
        return real(jobs, claim, progress, eta_s)

    monkeypatch.setattr(JobStore, "progress", note)
    for pause in ("_EVERY_S", "_SOON_S"):
        monkeypatch.setattr(f"workers.reporter.{pause}", 0.0)
    sent = bench.work(send(bench.shared, method="stylediffusion"))
    inverting = list(told)
    told.clear()
    masked = {"diffedit_mask": True, "combine_masks": "or"}
    bench.work(ask(bench.shared, sent.image_id, prompt="a dog on grass", method="p2plus", params=masked))
    phases = [list(dict.fromkeys(phase for phase, _ in steps)) for steps in (inverting, told)]
    assert phases == [
        ["encode", "invert", "optimize", "decode", "save"],
        ["encode", "mask", "edit", "decode", "save"],
    ]
    for steps in (inverting, told):
        percents = [percent for _, percent in steps]
        assert None not in percents
        assert percents == sorted(percents, key=lambda percent: percent or 0)
        assert percents[-1] == 100


def test_an_edit_answers_each_prompt_with_a_picture_its_mask_and_its_metrics(bench: Bench) -> None:
    image = inverted(bench)
    prompts = ["a dog on grass", "a ball on grass"]
    result = edited(
        bench, image, prompts=prompts, params={"blend_words": "changed", "reweight": {"grass": 2}}
    )
    assert [one.prompt for one in result.images] == prompts
    for one in result.images:
        assert one.mask_url is not None
        for url in (one.url, one.mask_url):
            assert bench.shared.blobs.get(url.removeprefix("/")).startswith(b"\x89PNG")
    [plain] = edited(bench, image, prompt="a dog on grass", output_format="webp", quality=80).images
    assert plain.mask_url is None
    stored = plain.url.removeprefix("/").removesuffix(".webp?quality=80")
    assert bench.shared.blobs.get(f"{stored}.png").startswith(b"\x89PNG")


def test_every_parameter_of_the_wire_reaches_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    seen: list[engine.Edit] = []
    real = engine.edit

    def spy(models: engine.Backbone, record: engine.SourceRecord, edit: engine.Edit, **how: object) -> object:
        seen.append(edit)
        return real(models, record, edit)

    monkeypatch.setattr(engine, "edit", spy)
    params: dict[str, Any] = {
        "edit": "refine",
        "tau_c": {"default": 0.8, "dog": [0.1, 0.3]},
        "tau_s": [0.1, 0.5],
        "reweight": {"dog": -1.0},
        "blend_words": ["cat", "dog"],
        "subtract_words": ["grass"],
        "blend_threshold": 0.4,
        "blend_start": 0.5,
    }
    edited(bench, image, prompt="a dog on grass", params=params, guidance_scale=2.5)
    wanted = {**params, "tau_c": {"default": 0.8, "dog": (0.1, 0.3)}, "tau_s": (0.1, 0.5)}
    assert seen == [engine.Edit(prompt=("a dog on grass",), method=engine.P2P(**wanted), guidance_scale=2.5)]


def test_a_job_gives_the_same_bytes_whatever_ran_before_it(bench: Bench) -> None:
    image = inverted(bench)
    first = edited(bench, image, prompt="a dog on grass")
    edited(bench, image, prompt="a red cat on grass", params={"blend_words": "changed"})
    again = edited(bench, image, prompt="a dog on grass")
    assert again.images == first.images


def test_a_worker_that_must_leave_hands_its_job_back(bench: Bench) -> None:
    bench.leave.append(True)
    job = bench.work(send(bench.shared))
    assert (job.status, job.progress) == (JobStatus.QUEUED, None)
    assert bench.shared.redis.lrange("rq:queue:pentimento", 0, -1) == [job.id]
    bench.leave.clear()
    assert bench.work(job).status is JobStatus.SUCCEEDED


def test_what_a_job_stores_for_an_image_that_was_deleted_meanwhile_is_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    real = Blobs.put

    def deleted_first(self: Blobs, key: str, data: bytes) -> None:
        bench.shared.delete_image(image)
        real(self, key, data)

    monkeypatch.setattr(Blobs, "put", deleted_first)
    bench.work(ask(bench.shared, image, prompt="a dog on grass"))
    assert files(bench.shared, image) == {}


def test_the_guard_watches_a_job_and_rests_after_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("workers.watchdog.Guard.alive", lambda *_: calls.append("alive"))
    monkeypatch.setattr("workers.watchdog.Guard.rest", lambda _: calls.append("rest"))
    bench.work(send(bench.shared, steps=4))
    assert calls.count("alive") > 4
    assert (calls.count("rest"), calls[-1]) == (1, "rest")


def test_a_claim_that_lapsed_records_nothing(bench: Bench) -> None:
    job = send(bench.shared)
    stale = bench.shared.jobs.begin(job.id, "stale", 0)
    assert stale is not None
    bench.shared.jobs.reap()
    fresh = bench.shared.jobs.begin(job.id, "fresh", 60)
    assert fresh is not None
    bench.runner.run(stale)
    assert job_of(bench.shared, job.id).status is JobStatus.PROCESSING
    bench.runner.run(fresh)
    assert job_of(bench.shared, job.id).status is JobStatus.SUCCEEDED
