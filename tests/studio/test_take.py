"""What can be done with a picture that was made: taken away, copied, shared, edited in its turn."""

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.studio.conftest import Hands, ask, ready

SHARING = """
window.shared = [];
navigator.canShare = ({ files }) => files.length === 1;
navigator.share = async ({ files, title }) => {
    const bytes = new Uint8Array(await files[0].arrayBuffer());
    window.shared.push([title, files[0].name, btoa(String.fromCharCode(...bytes))]);
    document.body.dataset.shared = window.shared.length;
};
"""
COPIED = """async () => {
    const [item] = await navigator.clipboard.read();
    const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
}"""


def middle(data: bytes) -> object:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").getpixel((32, 32))


def test_a_picture_is_downloaded_copied_and_shared_from_the_stage_and_from_its_card(
    page: Page, url: str, hands: Hands, tmp_path: Path
) -> None:
    page.add_init_script(SHARING)
    ready(page, url, hands)
    hands.edit(ask(page, hands), "blue")
    for place in ("#take", "#edits"):
        within = page.locator(place)
        with page.expect_download() as download:
            within.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == "a-dog-on-grass.png"
        download.value.save_as(tmp_path / "taken.png")
        assert middle((tmp_path / "taken.png").read_bytes()) == (0, 0, 255)

        page.evaluate("navigator.clipboard.writeText('nothing')")
        within.get_by_role("button", name="Copy the picture").click()
        expect(page.locator("#toast")).to_have_text("Copied the picture")
        assert middle(base64.b64decode(page.evaluate(COPIED))) == (0, 0, 255)
        page.evaluate("document.getElementById('toast').textContent = ''")

        page.evaluate("window.shared = []; delete document.body.dataset.shared")
        within.get_by_role("button", name="Share").click()
        expect(page.locator("body")).to_have_attribute("data-shared", "1")
        [[title, name, data]] = page.evaluate("window.shared")
        assert (title, name) == ("a dog on grass", "a-dog-on-grass.png")
        assert middle(base64.b64decode(data)) == (0, 0, 255)


def test_where_a_browser_cannot_share_nothing_offers_to(page: Page, url: str, hands: Hands) -> None:
    page.add_init_script("navigator.canShare = undefined")
    ready(page, url, hands)
    hands.edit(ask(page, hands))
    expect(page.locator("#take").get_by_role("button", name="Download")).to_be_visible()
    expect(page.get_by_role("button", name="Share")).to_have_count(0)
