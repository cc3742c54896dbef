import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

import store
from api_schemas import (
    EditedImage,
    EditRequest,
    EditResult,
    ErrorCode,
    FeaturePicture,
    Metrics,
    ModelInfo,
    Problem,
    Progress,
    Timings,
    WordAttention,
)
from pentimento.cli import app
from store import Claim, Store, StoreSettings, inversion_info, keys
from tests.results import inverted
from tests.service.conftest import served_before
from tests.service.live import serving


@pytest.fixture
def live(settings: StoreSettings) -> Iterator[str]:
    """The URL of the API, served on a free port of this machine; it says nothing where commands speak."""
    shared = store.open(settings)
    served_before(shared)
    with capture_logs(), serving(shared) as server:
        yield server.url


@pytest.fixture
def run(live: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """A command of the command line, asking the API in a folder of its own."""
    monkeypatch.setenv("PENTIMENTO_URL", live)
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return invoke


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    """A picture in a file."""
    path = tmp_path / "cat.png"
    path.write_bytes(picture("orange"))
    return path


@pytest.fixture
def worker(shared: Store) -> Iterator[None]:
    """Something that ends every job at once: edits paint it blue, and prompts with `fail` fail."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            popped = shared.redis.blpop(["rq:queue:pentimento"], timeout=0.05)
            claim = shared.jobs.begin(popped[1], "test", 30) if popped else None
            if claim:
                end(shared, claim)

    model = ModelInfo(name="miniature", size=64, token_limit=16, guidance_scale=3)
    shared.presence.publish("test", model, 60)
    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def attention(prompt: str, url: str) -> list[WordAttention]:
    source, target = ["a", "cat", "on", "grass"], prompt.split()
    return [
        WordAttention(
            word=word, source_url=url if word in source else None, url=url if word in target else None
        )
        for word in dict.fromkeys(source + target)
    ]


def end(shared: Store, claim: Claim) -> None:
    shared.jobs.progress(claim, Progress(phase="edit", step=1, total=2, percent=50), 1.0)
    request, image = claim.request, claim.image_id
    inversion = inversion_info(claim.record_id, claim.inversion)
    prompts = request.targets if isinstance(request, EditRequest) else (request.prompt,)
    if any("fail" in prompt for prompt in prompts):
        shared.jobs.fail(claim, Problem.of(ErrorCode.NUMERICAL_ERROR, "the latents are not finite"))
        return
    if not isinstance(request, EditRequest):
        shared.jobs.succeed(claim, inverted(*claim.record).model_copy(update={"inversion": inversion}))
        return
    made = []
    for prompt, colour in zip(prompts, ["blue", "green", "red"], strict=False):
        key = keys.result(image, picture(colour))
        shared.blobs.put(key, picture(colour))
        made.append(
            EditedImage(
                prompt=prompt,
                url=keys.url(key),
                metrics=Metrics(psnr=20, ssim=0.5),
                attention=attention(prompt, keys.url(key)) if request.params.attention else None,
            )
        )
    timings = Timings(queued=0, source=0, edit=0, save=0)
    urls = [each.url for each in made]
    seen = FeaturePicture(kind="feature", layer="up.1.resnets.1", step=0, source_url=urls[0], urls=urls)
    result = EditResult(
        image_id=image,
        inversion=inversion,
        images=made,
        features=[seen] if getattr(request.params, "features", False) else None,
        source_cached=True,
        timings=timings,
    )
    shared.jobs.succeed(claim, result)
