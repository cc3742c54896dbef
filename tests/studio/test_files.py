"""Photographs as they lie on a phone, dropped on the page."""

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from store import Store
from tests.pictures.files import encoded, p3, plain
from tests.studio.conftest import Hands


def send(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.locator("#file").set_input_files(file)
    page.get_by_label("What the picture shows").fill("a cat on grass")
    page.get_by_role("button", name="Invert", exact=True).click()


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
    page.get_by_role("button", name="Invert", exact=True).click()
    claim = hands.take()
    assert claim.request.fit == "pad"  # type: ignore[union-attr]
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
    assert claim.request.fit is None  # type: ignore[union-attr]
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
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_enabled()
    expect(page.locator("#file-hint")).to_be_hidden()


def test_what_is_no_picture_is_named(page: Page, url: str, hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(b"%PDF-1.7\n")
    send(page, url, file)
    expect(page.locator("#file-error")).to_contain_text(re.compile("a PDF document.*Save the page as PNG"))
