"""What a running job shows of its latents, how often, and at what price."""

import io
import itertools

import pytest
import torch
from PIL import Image

import api_schemas
from engine import Progress
from store import Claim, JobStore, Verdict
from tests.workers.conftest import Bench, edited, inverted, picture, send
from workers.previews import Previews


def latent(rows: int = 1) -> torch.Tensor:
    return torch.rand(rows, 4, 8, 8, generator=torch.Generator().manual_seed(0))


class Watch:
    """A clock that is wound by hand, and by whatever is drawn if `cost` is given."""

    at, cost = 0.0, 0.0

    def __call__(self) -> float:
        self.at += self.cost
        return self.at


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def previews(watch: Watch) -> Previews:
    made = Previews(watch)
    made.picture = picture()
    assert made.draw(Progress("encode", 1, 1, latent())) is None
    return made


def drawn(previews: Previews, watch: Watch, seconds: float, steps: int = 1000) -> list[float]:
    """When pictures were drawn in so many equal steps."""
    found = []
    for step in range(steps):
        watch.at += seconds / steps
        if previews.draw(Progress("edit", step + 1, steps, latent())) is not None:
            found.append(watch.at)
    return found


def test_a_picture_is_drawn_every_half_second_at_most(previews: Previews, watch: Watch) -> None:
    times = [0.0, *drawn(previews, watch, seconds=10)]
    assert all(later - earlier >= 0.499 for earlier, later in itertools.pairwise(times))
    assert len(times) >= 20


def test_pictures_take_no_more_than_a_hundredth_of_the_time(previews: Previews, watch: Watch) -> None:
    watch.cost = 0.02
    count = len(drawn(previews, watch, seconds=20, steps=100))
    assert count * watch.cost <= 0.011 * watch.at


def test_a_picture_is_a_small_png_of_all_rows_side_by_side(previews: Previews, watch: Watch) -> None:
    watch.at = 1.0
    png = previews.draw(Progress("edit", 1, 4, latent(3)))
    assert png is not None
    with Image.open(io.BytesIO(png), formats=["PNG"]) as shown:
        assert shown.size == (3 * 32, 32)


@pytest.mark.parametrize("odd", [Progress("edit", 1, 4), Progress("save", 0, 1)])
def test_without_latents_nothing_is_drawn(previews: Previews, watch: Watch, odd: Progress) -> None:
    watch.at = 1.0
    assert previews.draw(odd) is None


def test_nothing_is_drawn_before_the_picture_is_known(watch: Watch) -> None:
    blind = Previews(watch)
    watch.at = 1.0
    assert blind.draw(Progress("encode", 1, 1, latent())) is None
    assert blind.draw(Progress("invert", 1, 4, latent())) is None


@pytest.mark.parametrize("method", ["direct", "stylediffusion"])
def test_jobs_show_what_they_do_and_give_the_same_bytes_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    image = inverted(bench)
    calm = edited(bench, image, prompt="a dog on grass")
    monkeypatch.setattr("workers.previews._EVERY_S", 0.0)
    monkeypatch.setattr("workers.previews._SHARE", 1e9)
    shown: list[bytes | None] = []
    urls: list[str | None] = []
    real = JobStore.progress

    def note(jobs: JobStore, claim: Claim, progress: api_schemas.Progress, eta_s: float | None) -> Verdict:
        shown.append(jobs.latest_preview(claim.job_id))
        urls.append(progress.preview_url)
        return real(jobs, claim, progress, eta_s)

    monkeypatch.setattr(JobStore, "progress", note)
    job = bench.work(send(bench.shared, method=method, seed=1))
    learning = len(set(shown) - {None})
    assert learning >= 4
    assert urls[-1] == f"/jobs/{job.id}/preview.png?n={learning}"
    shown.clear()
    assert edited(bench, image, prompt="a dog on grass").images == calm.images
    assert len(set(shown) - {None}) == 4
