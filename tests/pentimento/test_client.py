import asyncio
import inspect
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Unpack

import httpx2
import numpy as np
import pytest
from PIL import Image

from api_schemas import EditRequest, EditResult, JobEvent
from parameters import P2P, P2Plus
from pentimento import ApiError, AsyncClient, Client, Edited, Inverted, JobFailed, Unreachable
from pentimento.keywords import Editing
from pentimento.outcomes import AnImage
from store import Store


@pytest.fixture
def client(live: str) -> Iterator[Client]:
    with Client(live) as made:
        yield made


@pytest.mark.usefixtures("worker")
def test_the_whole_path(client: Client, cat: Path, tmp_path: Path) -> None:
    seen: list[JobEvent] = []
    inversion = client.invert(cat, prompt="a cat on grass", steps=30, params={})
    inversion.wait(timeout_s=20, on_update=seen.append)
    assert seen[-1].status == "succeeded"
    assert client.image(inversion).steps == 30
    edit = client.edit(inversion, ["a dog on grass", "a fox on grass"], params={"tau_c": 0.3})
    edited = edit.wait(timeout_s=20)
    assert [made.prompt for made in edited.result.images] == ["a dog on grass", "a fox on grass"]
    assert [made.getpixel((0, 0)) for made in edited.images] == [(0, 0, 255), (0, 128, 0)]
    assert [path.name for path in edited.save(tmp_path / "pet.png")] == ["pet-1.png", "pet-2.png"]
    assert edited.files[1] == (tmp_path / "pet-2.png").read_bytes()
    assert [job.id for job in client.jobs(1)] == [edit.job_id]
    assert [model.name for model in client.models()] == ["miniature"]
    assert "p2p" in [method.name for method in client.methods()]
    client.delete(inversion)
    with pytest.raises(ApiError) as caught:
        client.image(inversion)
    assert caught.value.code == "not_found"


@pytest.mark.usefixtures("worker")
def test_one_expression_makes_a_picture(client: Client, cat: Path) -> None:
    made = client.edit(client.invert(cat, prompt="a cat on grass"), "a dog on grass").images[0]
    assert (made.size, made.getpixel((0, 0))) == ((32, 32), (0, 0, 255))


@pytest.mark.usefixtures("worker")
def test_the_whole_path_awaited(live: str, cat: Path) -> None:
    async def path() -> None:
        async with AsyncClient(live) as client:
            inversion = await client.invert(cat, prompt="a cat on grass")
            edits = [await client.edit(inversion, f"a {animal} on grass") for animal in ("dog", "fox")]
            made = await asyncio.gather(*(edit.wait(timeout_s=20) for edit in edits))
            assert [each.images[0].getpixel((0, 0)) for each in made] == [(0, 0, 255)] * 2
            statuses = [event.status async for event in client.events(edits[0])]
            assert statuses[-1] == "succeeded"
            assert [job.kind async for job in client.jobs()] == ["edit", "edit", "invert"]
            assert [image.id async for image in client.images()] == [inversion.image_id]
            assert isinstance(await client.wait(inversion.job_id), Inverted)
            await client.delete(inversion)
            with pytest.raises(ApiError, match="no image"):
                await client.image(inversion)

    asyncio.run(path())


@pytest.mark.usefixtures("worker")
def test_what_stands_for_an_inversion_is_edited_by_that_one(client: Client, cat: Path) -> None:
    first = client.invert(cat, prompt="a cat on grass", steps=30)
    known = client.image(first)
    second = client.invert(cat, prompt="a tabby on grass", method="ddim")
    assert first.image_id == second.image_id

    def used(image: AnImage, **how: Unpack[Editing]) -> tuple[str, int, str]:
        edit = client.edit(image, "a dog on grass", **how)
        inversion = edit.wait(timeout_s=20).inversion
        assert inversion is not None
        assert inversion == edit.inversion
        return inversion.method, inversion.steps, inversion.prompt

    aligned, ddim = ("aligned", 30, "a cat on grass"), ("ddim", 50, "a tabby on grass")
    edited = client.edit(first, "a fox on grass")
    for named in (first, first.wait(timeout_s=20), known, edited, edited.wait(timeout_s=20)):
        assert used(named) == aligned
    for named in (second, first.image_id, client.image(first), client.job(first)):
        assert used(named) == ddim
    assert used(first, inversion=None) == ddim
    assert used(first, inversion={"steps": 9}) == ("ddim", 9, "a tabby on grass")
    assert used(first.image_id, inversion=first.inversion) == aligned


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        public = inspect.getmembers(kind, lambda member: inspect.isfunction(member))
        return {
            name: list(inspect.signature(each).parameters)
            for name, each in public
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
    assert "invert" in methods(Client)


@pytest.mark.usefixtures("worker")
def test_an_image_may_come_in_every_form(client: Client, cat: Path) -> None:
    with Image.open(cat) as opened, cat.open("rb") as file:
        opened.load()
        forms = [cat, str(cat), cat.read_bytes(), file, opened, opened.convert("CMYK").convert("RGB")]
        ids = {client.invert(form, prompt="a cat").image_id for form in forms}
    assert len(ids) == 1
    grey = client.invert(Image.new("I;16", (32, 32)), prompt="nothing")
    assert client.image(grey).width == 32


def test_a_picture_in_memory_is_sent_as_it_looks(client: Client) -> None:
    lying = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "red").save(lying, "JPEG", exif=exif)
    with Image.open(lying) as picture:
        image = client.image(client.invert(picture, prompt="red"))
    assert (image.width, image.height) == (30, 40)


def asked(shared: Store) -> list[EditRequest]:
    jobs, _ = shared.jobs.page("default", limit=10, kind="edit")
    return [EditRequest.model_validate(job.request) for job in jobs]


def test_params_may_be_a_model_or_a_mapping(client: Client, shared: Store, cat: Path) -> None:
    inversion = client.invert(cat, prompt="a cat on grass")
    given = P2P(tau_c=0.2, reweight={"dog": 2})
    for params in (given, {"tau_c": 0.2, "reweight": {"dog": 2}}):
        client.edit(inversion, "a dog on grass", params=params, guidance_scale=4)
    assert [(each.params, each.guidance_scale) for each in asked(shared)] == [(given, 4)] * 2


def test_params_of_a_method_choose_it(client: Client, shared: Store, cat: Path) -> None:
    client.edit(client.invert(cat, prompt="a cat"), "a dog", params=P2Plus(tau_u=0.5))
    [request] = asked(shared)
    assert (request.method, request.params) == ("p2plus", P2Plus(tau_u=0.5))


@pytest.mark.usefixtures("worker")
def test_attention_comes_word_by_word(client: Client, cat: Path) -> None:
    inversion = client.invert(cat, prompt="a cat on grass")
    edit = client.edit(inversion, "a dog", method="p2plus", params={"attention": True, "tau_u": 0.5})
    found = {each.word: each for each in edit.wait(timeout_s=20).result.images[0].attention or ()}
    assert set(found) == {"a", "cat", "on", "grass", "dog"}
    assert (found["cat"].url, found["dog"].source_url) == (None, None)
    assert found["dog"].url is not None
    assert client.picture(found["dog"].url).size == (32, 32)


@pytest.mark.usefixtures("worker")
def test_a_job_named_by_its_id_is_waited_for_as_well(client: Client, cat: Path) -> None:
    edit = client.edit(client.invert(cat, prompt="a cat on grass"), "a dog on grass")
    for job in (edit.job_id, client.job(edit), edit.accepted):
        made = client.wait(job, timeout_s=20)
        assert isinstance(made, Edited)
        assert isinstance(made.result, EditResult)


@pytest.mark.usefixtures("worker")
def test_a_job_that_fails_says_why(client: Client, cat: Path) -> None:
    with pytest.raises(JobFailed, match="the latents are not finite") as caught:
        client.invert(cat, prompt="fail").wait(timeout_s=20)
    assert caught.value.job.error is not None


def test_a_canceled_job_ends_the_wait(client: Client, cat: Path) -> None:
    inversion = client.invert(cat, prompt="a cat")
    assert inversion.cancel().status == "canceled"
    with pytest.raises(JobFailed, match="canceled"):
        inversion.wait(timeout_s=20)


@pytest.mark.usefixtures("worker")
def test_a_picture_is_saved_in_the_format_of_its_name(client: Client, cat: Path, tmp_path: Path) -> None:
    edited = client.edit(client.invert(cat, prompt="a cat on grass"), "a dog on grass").wait()
    [webp] = edited.save(tmp_path / "dog.webp")
    with Image.open(webp) as picture:
        assert picture.format == "WEBP"
    with pytest.raises(ValueError, match="unknown file extension"):
        edited.save(tmp_path / "dog.txt")


def test_a_keyword_that_nobody_knows_is_no_silent_nothing(client: Client, cat: Path) -> None:
    asking: list[Callable[..., object]] = [
        lambda **how: client.invert(cat, "a cat", **how),
        lambda **how: client.edit("image", "a dog", **how),
        lambda **how: next(client.jobs(**how)),
        lambda **how: client.wait("job", **how),
    ]
    for ask in asking:
        with pytest.raises(TypeError, match="no keyword 'stepz'; there is: "):
            ask(stepz=9)


def test_only_paths_of_the_service_are_fetched(client: Client) -> None:
    for elsewhere in ("https://example.org/x.png", "//example.org/x.png", "images"):
        with pytest.raises(ValueError, match="no path of the service"):
            client.download(elsewhere)


def test_nobody_there_is_said_in_words() -> None:
    with (
        Client("http://127.0.0.1:9", retries=0) as client,
        pytest.raises(Unreachable, match="pentimento serve"),
    ):
        client.models()


def answering(answer: Callable[[httpx2.Request], httpx2.Response]) -> Client:
    return Client("http://pentimento.test", transport=httpx2.MockTransport(answer), retries=0)


@pytest.mark.parametrize("text", ["<html>hello</html>", "", "[1]", "{}", "null", '{"jobs": 3}', '"jobs"'])
def test_an_answer_that_is_none_of_ours_is_said_in_words(text: str) -> None:
    with answering(lambda _: httpx2.Response(200, text=text)) as client:
        asking: list[Callable[[], object]] = [
            *(client.models, client.methods, lambda: next(client.jobs()), lambda: next(client.images())),
            *(lambda: client.job("job"), lambda: client.edit("image", "a dog")),
        ]
        for ask in asking:
            with pytest.raises(Unreachable, match="is it Pentimento"):
                ask()
    with (
        answering(lambda _: httpx2.Response(404, text=text)) as client,
        pytest.raises(Unreachable, match="is it"),
    ):
        client.models()


def test_ids_cannot_lead_elsewhere() -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.raw_path.decode())
        return httpx2.Response(204)

    with answering(answer) as client:
        client.delete("../jobs?x=1#y")
    assert seen == ["/images/..%2Fjobs%3Fx%3D1%23y"]


def test_the_place_and_the_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx2.Response(200, json=[])

    monkeypatch.setenv("PENTIMENTO_URL", "http://example.org/")
    transport = httpx2.MockTransport(answer)
    with Client(transport=transport) as client:
        assert client.url == "http://example.org"
        client.models()
    monkeypatch.setenv("PENTIMENTO_API_KEY", "pk_a_b")
    for key in (None, "pk_c_d"):
        with Client(transport=transport, key=key) as client:
            client.models()
    assert seen == [None, "Bearer pk_a_b", "Bearer pk_c_d"]


@pytest.mark.usefixtures("worker")
def test_a_notebook_shows_the_pictures_side_by_side(live: str, cat: Path) -> None:
    with Client(live) as client:
        made = client.edit(cat, ["a dog", "a fox"], source_prompt="a cat").wait()
        with Image.open(io.BytesIO(made._repr_png_())) as shown:
            assert shown.size == (64, 32)
            assert (shown.getpixel((0, 0)), shown.getpixel((40, 0))) == ((0, 0, 255), (0, 128, 0))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client: client.invert(b"", 7), "a prompt is a text, not of type int"),
        (lambda client: client.edit("img_x", ["a dog", None]), "a prompt is a text, not of type NoneType"),
        (lambda client: client.edit("img_x", 7), "a prompt is a text, not of type int"),
        (lambda client: client.edit(7, "a dog"), "image_id"),
        (lambda client: client.edit(np.zeros((16, 16), np.uint8), "a dog"), "source_prompt"),
        (lambda client: client.job(None), "job_id"),
        (lambda client: client.invert(7, "a cat"), "a picture is a path"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_before_anything_is_sent(call: Any, said: str) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(TypeError, match=said):
        call(client)
