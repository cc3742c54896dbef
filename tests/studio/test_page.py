"""The page while a test's own hands do the work, so that it can be looked at in the middle of things."""

import re
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from api_schemas import ErrorCode, Problem
from store import Store
from tests.studio.conftest import Hands, ask, by_hand, colour, png, prepare, prepared, ready


def test_a_job_is_watched_and_a_reload_in_its_middle_loses_nothing(
    page: Page, url: str, hands: Hands
) -> None:
    ready(page, url, hands)
    claim = ask(page, hands)
    hands.progress(claim, 4, "red")
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    expect(page.locator("#progress .doing")).to_have_text("Editing")
    expect(page.locator("#progress .eta")).to_have_text(re.compile(r"^[56](\.\d)? s left$"))
    expect(page.locator("#after")).to_be_visible()
    assert colour(page, "after") == [255, 0, 0]
    page.get_by_label("What the picture should show").fill("a dog on wet grass")

    page.reload()
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on wet grass")
    hands.progress(claim, 7, "lime")
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "70")
    hands.edit(claim)
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    assert colour(page, "after") == [0, 0, 255]
    page.reload()
    expect(page.locator("#outcome")).to_be_visible()
    expect(page.locator("#figures")).to_contain_text("1.0 s")


def test_a_broken_stream_is_taken_up_where_it_broke(page: Page, url: str, hands: Hands) -> None:
    event = '{"job_id": "job_1", "status": "processing", "eta_s": 5, "at": "2026-01-05T10:00:00Z"}'
    asked: list[str | None] = []

    def interrupt(route: Route) -> None:
        asked.append(route.request.headers.get("last-event-id"))
        if len(asked) == 1:
            route.fulfill(
                content_type="text/event-stream", body=f"id: 1-7\nevent: status\ndata: {event}\n\nid: 9"
            )
        elif len(asked) < 4:
            route.abort()
        else:
            route.continue_()

    ready(page, url, hands)
    page.route("**/events", interrupt)
    claim = ask(page, hands)
    expect(page.locator("#progress .doing")).to_have_text("The service does not answer; trying again")
    hands.progress(claim, 6)
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "60")
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()
    assert asked == [None, "1-7", "1-7", "1-7"]


def test_a_canceled_edit_leaves_the_form_as_it_was(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    claim = ask(page, hands)
    hands.progress(claim, 2)
    page.locator("#progress").get_by_role("button", name="Cancel").click()
    expect(page.locator("#progress .doing")).to_have_text("Canceling")
    hands.store.jobs.cancel(claim)
    expect(page.locator("#job-error")).to_contain_text("Canceled")
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_enabled()
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on grass")
    expect(page.locator("#edits li")).to_contain_text("Canceled")


@pytest.mark.parametrize(
    ("code", "more", "place"),
    [
        (ErrorCode.NUMERICAL_ERROR, {}, "job-error"),
        (ErrorCode.PROMPT_TOO_LONG, {"tokens": 20, "limit": 16}, "target-error"),
        (ErrorCode.UNKNOWN_WORD, {"word": "cat", "words": ["dog"]}, "blend-error"),
        (ErrorCode.INVALID_PARAMETER, {"parameter": "tau_s"}, "controls-error"),
    ],
)
def test_why_a_job_failed_is_said_where_it_can_be_mended(
    page: Page, url: str, hands: Hands, code: ErrorCode, more: dict[str, object], place: str
) -> None:
    ready(page, url, hands)
    by_hand(page)
    hands.store.jobs.fail(ask(page, hands), Problem.of(code, "It went wrong.", **more))
    expect(page.locator(f"#{place}")).to_have_text("It went wrong.")
    expect(page.locator(f"#{place}")).to_be_visible()
    expect(page.locator("#edits li")).to_contain_text("It went wrong.")


def test_what_is_chosen_and_written_before_the_page_is_ready_is_not_lost(
    page: Page, url: str, tmp_path: Path
) -> None:
    held: list[Route] = []
    page.route("**/methods", lambda route: held.append(route))
    page.goto(url)
    (tmp_path / "cat.png").write_bytes(png("orange"))
    page.locator("#file").set_input_files(tmp_path / "cat.png")
    page.locator("#prompt").fill("a cat on grass")
    expect(page.locator("#edit")).to_be_hidden()
    held[0].continue_()
    expect(page.locator("#edit")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value("a cat on grass")


def test_refusals_are_said_where_they_arose(page: Page, url: str, hands: Hands, tmp_path: Path) -> None:
    page.goto(url)
    (tmp_path / "notes.png").write_text("no picture")
    page.locator("#file").set_input_files(tmp_path / "notes.png")
    expect(page.locator("#file-error")).to_contain_text("This isn't a PNG")
    (tmp_path / "cat.png").write_bytes(png("orange"))
    page.locator("#file").set_input_files(tmp_path / "cat.png")
    expect(page.locator("#file-error")).to_be_hidden()
    prepare(page)
    expect(page.locator("#prompt-error")).to_contain_text("Say in a few words")
    page.get_by_label("What the picture shows").fill("a cat " * 20)
    prepare(page)
    expect(page.locator("#prompt-error")).to_contain_text("the model takes 16")
    page.get_by_label("What the picture should show").fill("a dog")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#prompt-error")).to_contain_text("the model takes 16")

    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog " * 20)
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#target-error")).to_contain_text("the model takes 16")


def test_a_key_is_asked_for_where_one_is_needed(page: Page, url: str, hands: Hands, shared: Store) -> None:
    _, key = shared.apikeys.add("desk")
    page.goto(url)
    field = page.get_by_role("textbox", name="API key")
    field.fill("pk_nobody_nothing")
    field.press("Enter")
    expect(page.locator("#key-error")).to_contain_text("not known here")
    field.fill(key)
    page.get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="Example: a cat on grass").click()
    prepare(page)
    prepared(page, hands)
    claim = ask(page, hands)
    hands.progress(claim, 5, "red")
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    hands.edit(claim)
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    assert colour(page, "after") == [0, 0, 255]
    page.locator("#edits li").get_by_text("Code").click()
    page.get_by_role("button", name="Copy as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.count('-H "Authorization: Bearer $PENTIMENTO_API_KEY"') == 2
    assert key not in copied
    page.reload()
    expect(page.locator("#outcome")).to_be_visible()


def test_a_deleted_picture_is_gone(page: Page, url: str, hands: Hands, shared: Store) -> None:
    image = ready(page, url, hands)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Keep it").click()
    assert shared.images.get(image)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.locator("#sure").get_by_role("button", name="Delete").click()
    expect(page.locator("#drop")).to_be_visible()
    assert shared.images.get(image) is None
    page.goto(f"{url}/#{image}")
    page.reload()
    expect(page.locator("#notice")).to_contain_text("There is no image")


def test_every_picture_of_an_edit_by_several_prompts_can_be_seen(page: Page, url: str, hands: Hands) -> None:
    image = ready(page, url, hands)
    body = {"image_id": image, "prompts": ["a dog on grass", "a fox on grass"]}
    job = httpx2.post(f"{url}/edit", json=body, trust_env=False).json()["job_id"]
    hands.edit(hands.take(), "blue", "red")
    page.goto(f"{url}/#{image}/{job}")
    page.reload()
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    assert colour(page, "after") == [0, 0, 255]
    page.locator("#variants").get_by_text("a fox on grass").click()
    expect(page.locator("#after")).to_have_attribute("alt", "The edit: a fox on grass")
    expect(page.locator("#looks").get_by_role("button", name="fox")).to_be_visible()
    assert colour(page, "after") == [255, 0, 0]
    page.locator("#edits li").get_by_text("Code").click()
    page.get_by_role("button", name="Copy as Python").click()
    assert '["a dog on grass", "a fox on grass"]' in page.evaluate("navigator.clipboard.readText()")
    card = page.locator("#edits li")
    card.get_by_text("Each picture").click()
    for name, made in {"a dog on grass": (0, 0, 255), "a fox on grass": (255, 0, 0)}.items():
        with page.expect_download() as download:
            card.get_by_role("button", name=f"Download: {name}").click()
        with Image.open(download.value.path()) as taken:
            assert taken.convert("RGB").getpixel((32, 32)) == made
    with page.expect_response("**/images") as answered:
        card.get_by_role("button", name="Edit this one: a fox on grass").click()
    further = answered.value.json()["image_id"]
    assert further != image
    assert hands.take().image_id == further


def test_a_refusal_is_in_the_words_of_the_page(page: Page, url: str, hands: Hands) -> None:
    page.goto(url)
    expect(page.locator("#about-model")).not_to_be_empty()  # by then it knows parameters' names
    say = "(problem) => import('/studio/problems.js').then((found) => found.plainly(problem))"

    def field(loc: list[str], type: str, msg: str) -> str:
        problem = {"code": "validation_error", "errors": [{"loc": loc, "type": type, "msg": msg}]}
        return str(page.evaluate(say, problem))

    assert field(["seed"], "int_parsing", "Input should be a valid integer") == "“seed” takes a whole number."
    assert "[x, y" not in field(
        ["region"], "value_error", "give a region as [x, y, width, height], or 'auto'"
    )
    assert field(["params", "feather"], "less_than_equal", "Input should be less than or equal to 64") == (
        "“soft edge of the mask” takes 64 at most."
    )
    told = {
        "code": "invalid_parameter",
        "parameter": "feather",
        "expected": "0 where blend_in is 'latent': the edge is softened when the picture is composed",
    }
    assert page.evaluate(say, told).startswith("“soft edge of the mask” takes 0 where “mask applied to” is")
