"""From a picture that is dropped to its first edit, in one step."""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from api_schemas import EditRequest, InvertOptions, ModelInfo
from store import Store, keys
from tests.studio.conftest import Hands, png, prepare, prepared


def test_a_picture_is_sent_with_its_first_edit(page: Page, url: str, hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(png("orange"))
    page.goto(url)
    page.locator("#file").set_input_files(tmp_path / "cat.png")
    expect(page.get_by_label("What the picture shows")).to_be_focused()
    page.keyboard.type("a cat on grass")
    page.keyboard.press("Enter")
    target = page.get_by_label("What the picture should show")
    expect(target).to_be_focused()
    expect(target).to_have_value("a cat on grass")
    page.get_by_text("How it is prepared").click()
    page.locator("#how").get_by_label("Steps").fill("7")
    target.fill("a dog on grass")
    target.press("Enter")

    first = hands.take()
    assert isinstance(first.request, InvertOptions)
    assert (first.request.prompt, first.request.steps) == ("a cat on grass", 7)
    hands.progress(first, 3)
    expect(page.locator("#progress .doing")).to_have_text("Preparing the picture")
    hands.invert(first)
    edit = hands.take()
    assert isinstance(edit.request, EditRequest)
    assert (edit.request.targets, edit.image_id) == (("a dog on grass",), first.image_id)
    hands.edit(edit)
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    expect(page.locator("#after")).to_have_attribute("alt", "The edit: a dog on grass")


def test_an_example_comes_with_edits_that_one_click_makes(page: Page, url: str, hands: Hands) -> None:
    page.goto(url)
    page.get_by_role("button", name="Turn a fox on snow into a fox on grass").click()
    expect(page.locator("#facts[data-status=pending]")).to_be_visible()
    prepared(page, hands)
    claim = hands.take()
    assert isinstance(claim.request, EditRequest)
    assert claim.request.targets == ("a fox on grass",)
    assert claim.inversion.method == "edit-friendly"
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()
    page.locator("#ideas").get_by_role("button", name="a lion on snow").click()
    expect(page.get_by_label("What the picture should show")).to_have_value("a lion on snow")
    page.get_by_role("button", name="Edit", exact=True).click()
    again = hands.take()
    assert again.chosen is not None, "the next edit is the service's to choose again, its inversion too"
    assert (again.chosen.kind, again.inversion.method) == ("swap", "aligned")


def test_what_is_written_while_a_picture_is_prepared_stays(page: Page, url: str, hands: Hands) -> None:
    page.goto(url)
    page.get_by_role("button", name="Example: a cat on grass").click()
    page.get_by_text("How it is prepared").click()
    page.get_by_role("button", name="Prepare it now").click()
    page.get_by_label("What the picture should show").fill("a dog on grass")
    prepared(page, hands)
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on grass")
    page.reload()
    expect(page.locator("#said")).to_have_text("a cat on grass")
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on grass")


def opening(page: Page, url: str, hands: Hands) -> tuple[Locator, list[Route]]:
    """The field for the target of a prepared picture, and the held request that its page waits for."""
    held: list[Route] = []
    page.goto(url)
    page.route("**/jobs?*", lambda route: held.append(route))
    page.get_by_role("button", name="Example: a cat on grass").click()
    prepare(page)
    prepared(page, hands)
    return page.get_by_label("What the picture should show"), held


def test_what_is_written_while_a_picture_is_opened_stays_over_a_reload(
    page: Page, url: str, hands: Hands
) -> None:
    target, held = opening(page, url, hands)
    target.fill("a fox on grass")
    page.reload()
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    held.pop().continue_()
    expect(target).to_have_value("a fox on grass")


def test_a_sentence_that_is_being_written_when_its_picture_is_opened_goes_on_where_it_was(
    page: Page, url: str, hands: Hands
) -> None:
    target, held = opening(page, url, hands)
    target.press("ControlOrMeta+a")
    target.press_sequentially("a dog on ")
    held.pop().continue_()
    for _ in range(500):
        if "image_id" in page.evaluate("Object.values(sessionStorage).join()"):
            break
        page.wait_for_timeout(20)
    target.press_sequentially("grass")
    expect(target).to_have_value("a dog on grass")


def test_the_model_is_chosen_from_those_that_are_served(
    page: Page, url: str, hands: Hands, shared: Store
) -> None:
    larger = ModelInfo(name="someone/larger", size=512, token_limit=77, guidance_scale=7.5)
    shared.presence.publish("other", larger, 600)
    page.goto(url)
    page.get_by_role("button", name="Example: a cat on grass").click()
    page.locator("#models").get_by_text("larger").click()
    page.get_by_label("What the picture should show").fill("a dog on grass")
    with page.expect_response("**/edit") as answered:
        page.get_by_role("button", name="Edit", exact=True).click()
    image = shared.images.get(answered.value.json()["image_id"])
    assert image is not None
    assert image.model == "someone/larger"


def test_how_much_of_a_picture_has_gone_is_shown_and_sending_can_be_canceled(
    page: Page, url: str, hands: Hands, shared: Store, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((700, 700), 90).save(buffer, "PNG", compress_level=1)
    (tmp_path / "large.png").write_bytes(buffer.getvalue())
    page.goto(url)
    page.locator("#file").set_input_files(tmp_path / "large.png")
    page.get_by_label("What the picture shows").fill("noise")
    page.get_by_label("What the picture should show").fill("more noise")
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}
    line.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("button", name="Edit", exact=True).click()
    bar = page.locator("#progress").get_by_role("progressbar")
    expect(page.locator("#progress .doing")).to_have_text("Sending the picture")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    page.locator("#progress").get_by_role("button", name="Cancel").click()
    expect(bar).to_be_hidden()
    assert shared.images.page("default", limit=1, cursor=None)[0] == []
    line.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    page.get_by_role("button", name="Edit", exact=True).click()
    assert keys.source(prepared(page, hands))


def test_a_picture_is_painted_from_a_sentence_and_edited_like_any_other(
    page: Page, url: str, hands: Hands, shared: Store
) -> None:
    page.goto(url)
    page.get_by_label("What the painted picture is to show").fill("a red car on sand")
    page.get_by_text("How it is painted").click()
    page.locator("#painting [name=seed]").fill("7")
    page.locator("#painting [name=negative_prompt]").fill("blurred")
    page.locator("#painting [name=steps]").fill("12")
    page.get_by_role("button", name="Paint it").click()
    claim = hands.take()
    painting = claim.inversion
    assert (painting.method, painting.prompt, painting.steps) == ("painted", "a red car on sand", 12)
    hands.progress(claim, 4, "red")
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    expect(page.locator("#after")).to_be_visible()
    shared.blobs.put(keys.source(claim.image_id), png("red"))
    hands.invert(claim)
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    expect(page.locator("#before")).to_have_attribute("alt", "The source: a red car on sand")
    page.get_by_label("What the picture should show").fill("a blue car on sand")
    page.get_by_role("button", name="Edit", exact=True).click()
    assert hands.take().record == claim.record
