"""A real browser, and hands that do a worker's work when a test says so."""

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from api_schemas import (
    EditedImage,
    EditRequest,
    EditResult,
    Metrics,
    ModelInfo,
    Notice,
    Progress,
    Resolution,
    Timings,
    WordAttention,
)
from prompts import words
from store import Claim, Store, keys
from tests.results import inverted
from tests.service.live import serving as serving_here

expect.set_options(timeout=30_000)  # a busy machine is no failure
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: $PENTIMENTO_CHROMIUM, else one on PATH."""
    path = os.environ.get("PENTIMENTO_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = f"no {', '.join(BROWSERS)} on PATH, and $PENTIMENTO_CHROMIUM names none"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, **how: Any) -> Iterator[Page]:
    """A page that may not crash, nor break its own rules about what it loads."""
    faults: list[str] = []
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **how)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    try:
        yield page
    finally:
        context.close()
    assert not faults


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser window on a desk."""
    with visiting(browser, viewport={"width": 1280, "height": 900}) as page:
        yield page


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(buffer, "PNG")
    return buffer.getvalue()


class Hands:
    """Takes jobs from the queue and takes them forward step by step."""

    def __init__(self, shared: Store) -> None:
        self.store = shared
        own = {"p2p": {"tau_c": 0.3}}
        model = ModelInfo(name="miniature", size=64, token_limit=16, guidance_scale=3, defaults=own)
        shared.presence.publish("hands", model, 600)

    def take(self) -> Claim:
        """The next job, begun."""
        popped = self.store.redis.blpop(["rq:queue:pentimento"], timeout=20)
        claim = self.store.jobs.begin(popped[1], "hands", 60)
        assert claim is not None
        return claim

    def progress(self, claim: Claim, step: int, colour: str | None = None) -> None:
        """Say that so many of ten steps are done, and show a picture of one colour."""
        if colour is not None:
            self.store.jobs.preview(claim, png(colour))
        url = f"/jobs/{claim.job_id}/preview.png" if colour is not None else None
        done = Progress(phase=claim.kind.value, step=step, total=10, percent=step * 10.0, preview_url=url)
        self.store.jobs.progress(claim, done, 10.0 - step)

    def invert(self, claim: Claim) -> None:
        """End an inversion well."""
        self.store.blobs.put(keys.working(*claim.record), png("orange"))
        self.store.blobs.put(keys.reconstruction(*claim.record), png("orange"))
        self.store.jobs.succeed(claim, inverted(*claim.record))

    def edit(
        self, claim: Claim, *colours: str, full: str | None = None, warnings: Sequence[Notice] = ()
    ) -> None:
        """End an edit well: per prompt a picture of one colour, and for every word where it looks.

        `full` is the colour of the picture at the image's own size, if there is one.
        """
        assert isinstance(claim.request, EditRequest)
        whole = None if full is None else self._keep(claim.image_id, full)
        made = [
            EditedImage(
                prompt=prompt,
                url=whole or self._keep(claim.image_id, colour),
                resolution=Resolution.MODEL if whole is None else Resolution.SOURCE,
                full_url=whole,
                model_url=self._keep(claim.image_id, colour),
                metrics=Metrics(psnr=20, ssim=0.5),
                attention=self._attention(claim.image_id, prompt),
            )
            for prompt, colour in zip(claim.request.targets, colours or ["blue"], strict=True)
        ]
        timings = Timings(queued=0, source=0.25, edit=0.5, save=0.25)
        result = EditResult(
            image_id=claim.image_id, images=made, chosen=claim.chosen, source_cached=True, timings=timings
        )
        self.store.jobs.succeed(claim, result, tuple(warnings))

    def _attention(self, image: str, prompt: str) -> list[WordAttention]:
        source, target = ([word.text for word in words(each)] for each in ("a cat on grass", prompt))
        seen = self._keep(image, "white")
        return [
            WordAttention(
                word=word, source_url=seen if word in source else None, url=seen if word in target else None
            )
            for word in dict.fromkeys(target + source)
        ]

    def _keep(self, image: str, colour: str) -> str:
        key = keys.result(image, png(colour))
        self.store.blobs.put(key, png(colour))
        return keys.url(key)


@pytest.fixture
def hands(shared: Store) -> Hands:
    """A worker's hands."""
    return Hands(shared)


@pytest.fixture
def url(shared: Store) -> Iterator[str]:
    """The API and its page, in this process."""
    with serving_here(shared) as live:
        yield live.url


def prepare(page: Page) -> None:
    """Send the picture on the page without an edit."""
    button = page.get_by_role("button", name="Prepare it now")
    if not button.is_visible():
        page.get_by_text("How it is prepared").click()
    button.click()


def prepared(page: Page, hands: Hands) -> str:
    """Do the work of a picture that was sent; returns the image's id."""
    claim = hands.take()
    hands.invert(claim)
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    return claim.image_id


def ready(page: Page, url: str, hands: Hands) -> str:
    """Choose an example and prepare it; returns the image's id."""
    page.goto(url)
    page.get_by_role("button", name="Example: a cat on grass").click()
    prepare(page)
    return prepared(page, hands)


def by_hand(page: Page, method: str = "p2p") -> None:
    """Choose a method in place of `auto`; its controls are open then."""
    page.get_by_text("How much of the source is kept").click()
    page.locator("#methods").get_by_text(method, exact=True).click()


def dial(page: Page, name: str) -> Locator:
    """The control of the parameter that the API calls this."""
    return page.locator(f"[data-name={name}] :is(input, select)")


def ask(page: Page, hands: Hands, target: str = "a dog on grass") -> Claim:
    """Ask for an edit; returns it, begun."""
    page.get_by_label("What the picture should show").fill(target)
    page.get_by_role("button", name="Edit", exact=True).click()
    return hands.take()


def colour(page: Page, image: str) -> list[int]:
    """The colour in the middle of a picture on the page."""
    found: list[int] = page.evaluate(
        """(id) => {
            const context = document.createElement("canvas").getContext("2d");
            context.drawImage(document.getElementById(id), 0, 0);
            return [...context.getImageData(32, 32, 1, 1).data].slice(0, 3);
        }""",
        image,
    )
    return found
