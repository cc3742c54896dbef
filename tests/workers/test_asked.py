"""What a request leaves to the model or to the paper, and what stands beside its params."""

import pytest

import engine
from api_schemas import JobStatus
from parameters import EDITS, INVERSIONS, P2P, for_pictures
from tests.workers.conftest import Bench, edited, inverted, send


def url(bench: Bench, image: str, **fields: object) -> str:
    """The edited picture's name, which is its bytes' hash."""
    return edited(bench, image, prompt="a dog on grass", **fields).images[0].url


def test_null_takes_the_models_own_value_and_failing_that_the_published_one(
    bench: Bench, models: engine.Backbone
) -> None:
    image = inverted(bench)
    spec = models.spec
    own = {**P2P.published, **spec.defaults_of("p2p")}
    explicit = {
        name: own[name] for name, field in P2P.model_fields.items() if field.default is None and name in own
    }
    assert {"tau_c", "tau_s"} <= set(explicit)
    usual = url(bench, image)
    assert url(bench, image, params=explicit) == usual
    assert url(bench, image, params={"tau_c": 0.0}) != usual


def test_the_preset_and_the_negative_prompt_reach_the_engine(bench: Bench) -> None:
    image = inverted(bench)
    weights = {"reweight": {"grass": 5.0}}
    usual = url(bench, image, params=weights)
    published = {name: value for name, value in P2P.published.items() if name in P2P.model_fields}
    by_name = url(bench, image, preset="published", params=weights)
    assert by_name == url(bench, image, guidance_scale=7.5, params=published | weights)
    assert by_name != usual
    usual = url(bench, image)
    assert url(bench, image, negative_prompt="snow") != usual


PAIRS = [
    (edit, inversion)
    for inversion in for_pictures()
    for edit in EDITS
    if EDITS[edit].needs <= INVERSIONS[inversion].gives
]


@pytest.mark.parametrize(("edit", "inversion"), PAIRS)
def test_every_pair_that_goes_together_is_edited(bench: Bench, edit: str, inversion: str) -> None:
    job = bench.work(send(bench.shared, steps=3, method=inversion))
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert url(bench, job.image_id, method=edit)
