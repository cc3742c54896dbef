"""Photographs as they lie on a phone, dropped on the page."""

import io
import re
from pathlib import Path

import httpx2
from PIL import Image
from playwright.sync_api import Page, expect

from api_schemas import InvertOptions, Knowledge, ModelInfo, Notice
from store import Store, keys
from tests.pictures.files import encoded, p3, plain
from tests.pictures.photographs import difference, photographs
from tests.results import inverted
from tests.studio.conftest import Hands, png, prepare


def send(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.locator("#file").set_input_files(file)
    page.get_by_label("What the picture shows").fill("a cat on grass")
    prepare(page)


def test_a_long_picture_is_fitted_as_the_page_offers(
    page: Page, url: str, hands: Hands, shared: Store, tmp_path: Path
) -> None:
    file = tmp_path / "screenshot.png"
    file.write_bytes(encoded(plain(117, 253)))
    page.goto(url)
    page.locator("#file").set_input_files(file)
    expect(page.locator("#fit")).to_be_visible()
    page.get_by_text("Add white", exact=True).click()
    expect(page.locator("#fit-hint")).to_contain_text("All of it stays")
    page.get_by_label("What the picture shows").fill("a screen")
    prepare(page)
    claim = hands.take()
    assert isinstance(claim.request, InvertOptions)
    assert claim.request.fit == "pad"
    image = shared.images.get(claim.image_id)
    assert image is not None
    assert (image.width, image.height) == (127, 253)


def test_a_picture_of_usual_proportions_needs_no_choice(
    page: Page, url: str, hands: Hands, tmp_path: Path
) -> None:
    file = tmp_path / "photo.avif"
    file.write_bytes(encoded(plain(80, 60), "AVIF", icc_profile=p3()))
    send(page, url, file)
    claim = hands.take()
    assert isinstance(claim.request, InvertOptions)
    assert claim.request.fit is None
    expect(page.locator("#fit")).to_be_hidden()


def test_what_the_browser_cannot_show_is_sent_all_the_same(
    page: Page, url: str, hands: Hands, shared: Store, tmp_path: Path
) -> None:
    file = tmp_path / "scan.tif"
    file.write_bytes(encoded(Image.new("I;16", (80, 60), 40000), "TIFF"))
    page.goto(url)
    page.locator("#file").set_input_files(file)
    expect(page.locator("#file-hint")).to_contain_text("scan.tif: this browser cannot show it")
    send(page, url, file)
    claim = hands.take()
    hands.invert(claim)
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    expect(page.locator("#file-hint")).to_be_hidden()


def test_what_is_no_picture_is_named(page: Page, url: str, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(b"%PDF-1.7\n")
    send(page, url, file)
    expect(page.locator("#file-error")).to_contain_text(re.compile("a PDF document.*Save the page as PNG"))


def test_five_photographs_are_kept_as_one_sees_them(
    page: Page, url: str, hands: Hands, shared: Store, tmp_path: Path
) -> None:
    for photograph in photographs():
        file = tmp_path / photograph.name
        file.write_bytes(photograph.file)
        send(page, url, file)
        claim = hands.take()
        with Image.open(io.BytesIO(shared.blobs.get(keys.source(claim.image_id)))) as kept:
            assert difference(kept, photograph.seen) < 3.0
        hands.invert(claim)
        expect(page.locator("#facts[data-status=ready]")).to_be_visible()


def test_the_page_names_the_model_and_what_it_knows_and_doubts(
    page: Page, url: str, hands: Hands, shared: Store, tmp_path: Path
) -> None:
    knows = Knowledge(demo=True, objects=["cat", "fox"], words=["a", "cat", "fox", "on", "grass"])
    model = ModelInfo(name="miniature", size=64, token_limit=16, guidance_scale=3, demo=True, knows=knows)
    shared.presence.publish("hands", model, 600)
    page.goto(url)
    expect(page.locator("#model summary")).to_contain_text("miniature")
    page.locator("#model summary").click()
    expect(page.locator("#about-model")).to_contain_text("cat, fox")
    expect(page.locator("#about-model")).to_contain_text("PENTIMENTO_MODEL=stable-diffusion")
    page.locator("#model summary").click()

    file = tmp_path / "photo.png"
    file.write_bytes(encoded(plain(80, 60)))
    page.locator("#file").set_input_files(file)
    page.get_by_label("What the picture shows").fill("a kitten on grass")
    expect(page.locator("#prompt-doubts")).to_contain_text("'kitten'")
    prepare(page)
    claim = hands.take()
    doubt = Notice(code="poor_reconstruction", message="The model cannot represent this picture.")
    for key in (keys.working(*claim.record), keys.reconstruction(*claim.record)):
        shared.blobs.put(key, png("orange"))
    made = inverted(*claim.record).model_copy(update={"warnings": [doubt]})
    shared.jobs.succeed(claim, made)
    expect(page.locator("#facts-doubts")).to_contain_text("cannot represent")
    page.get_by_label("What the picture should show").fill("a unicorn on grass")
    expect(page.locator("#target-doubts")).to_contain_text("'unicorn'")
    expect(page.locator("#target-doubts")).not_to_contain_text("kitten")


def test_photographs_come_to_the_page_no_larger_than_they_are_shown(
    page: Page, url: str, hands: Hands, tmp_path: Path
) -> None:
    sent = 0
    for shade in range(3):
        noise = Image.merge("RGB", [Image.effect_noise((1024, 1000), 60 + 9 * at + shade) for at in range(3)])
        file = encoded(noise, compress_level=1)
        answer = httpx2.post(
            f"{url}/invert", files={"image": file}, data={"prompt": "noise"}, trust_env=False, timeout=60
        )
        assert answer.status_code == 202
        sent += len(file)
    came: list[int] = []
    page.on("response", lambda answer: came.append(int(answer.headers.get("content-length", 0))))
    page.goto(url)
    expect(page.locator("#pictures img")).to_have_count(3)
    for picture in page.locator("#pictures img").all():
        expect(picture).to_have_js_property("naturalWidth", 320)
    assert sum(came) < 800_000 < sent / 10
