"""What a person reads when something is refused, or the service is away."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from api_schemas import ErrorCode, Problem
from tests.studio.conftest import Hands, ask, ready

MACHINES = ("Input should", "String should", "Value error", "params.", "Field required", "guidance_scale:")


def test_the_page_goes_on_when_the_service_comes_back(page: Page, url: str, hands: Hands) -> None:
    away = True

    def door(route: Route) -> None:
        if away and route.request.resource_type == "fetch":
            route.abort()
        else:
            route.continue_()

    page.route("**/*", door)
    page.goto(url)
    expect(page.locator("#waiting")).to_contain_text("The service does not answer. Trying again")
    away = False
    expect(page.get_by_role("button", name="Example: a cat on grass")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
    ready(page, url, hands)

    page.get_by_label("What the picture should show").fill("a dog on grass")
    expect(page.locator("#reading")).to_have_text("cat → dog")
    keys: list[str | None] = []

    def unsure(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="<html>bad gateway</html>")
        else:
            route.continue_()

    page.route("**/edit", unsure)
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#edits li")).to_have_count(1)
    hands.edit(hands.take())
    expect(page.locator("#outcome")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
    assert len(keys) == 2
    assert keys[0] == keys[1] is not None


@pytest.mark.parametrize(
    ("loc", "msg", "kind", "said"),
    [
        (["guidance_scale"], "Input should be less than or equal to 50", "less_than_equal",
         "takes 50 at most"),
        (["params", "tau_c", "number"], "Input should be a valid number", "float_type", "takes a number"),
        (["params", "reweight", "dog"], "Input should be greater than or equal to -100", "greater_than_equal",
         "“how much each word counts” (“dog”) takes -100 at least"),
        (["body", "nobody_knows"], "Extra inputs are not permitted", "extra_forbidden", "Reload the page"),
        (["params", "edit"], "Input should be 'auto', 'replace' or 'refine'", "literal_error",
         "takes 'auto'"),
    ],
)  # fmt: skip
def test_no_message_of_a_validator_reaches_a_person(
    page: Page, url: str, hands: Hands, loc: list[str], msg: str, kind: str, said: str
) -> None:
    page.goto(url)
    told = {
        "code": "validation_error",
        "status": 422,
        "detail": f"{'.'.join(loc)}: {msg}",
        "errors": [{"loc": loc, "msg": msg, "type": kind}],
    }
    read = page.evaluate(
        """async (told) => {
            const { learn, plainly } = await import("/studio/problems.js");
            learn(await (await fetch("/methods")).json());
            return plainly(told);
        }""",
        told,
    )
    assert said in read
    assert not any(words in read for words in MACHINES)


def test_an_edit_that_timed_out_says_so(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    late = Problem.of(ErrorCode.DEADLINE_EXCEEDED, "the job's deadline of 5 s has passed")
    hands.store.jobs.fail(ask(page, hands), late)
    expect(page.locator("#job-error")).to_contain_text("timed out")
    expect(page.locator("#edits li")).to_contain_text("timed out")


def test_an_answer_that_is_none_of_the_services_is_put_in_plain_words(
    page: Page, url: str, hands: Hands
) -> None:
    ready(page, url, hands)
    page.route("**/edit", lambda route: route.fulfill(status=500, body=json.dumps({"oops": "Traceback"})))
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#edit-error")).to_contain_text("Something went wrong in the service (500)")
