"""An image learned once and edited several times, through real processes and the real model."""

import io
import subprocess
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw

from api_schemas import EditResult, InvertResult
from pentimento import ApiError, Client
from pentimento.outcomes import AnImage


@pytest.fixture
def client(serving: tuple[subprocess.Popen[str], str]) -> Iterator[Client]:
    with Client(serving[1]) as client:
        yield client


def picture() -> bytes:
    image = Image.new("RGB", (96, 64), "green")
    ImageDraw.Draw(image).ellipse((30, 15, 66, 51), fill="orange")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def edited(client: Client, image: str, prompt: str, **params: object) -> EditResult:
    accepted = client.edit(image, prompt, method="p2plus", params={"tau_u": 0.5, **params})
    result = client.wait(accepted.job_id, timeout_s=300).result
    assert isinstance(result, EditResult)
    return result


def test_a_picture_sent_along_and_one_sent_ahead_are_edited_alike(client: Client) -> None:
    def further(image: AnImage) -> list[bytes]:
        """The bytes of two edits, of which the second is chosen otherwise."""
        prompts = ("a cat on snow", "a watercolour of a cat on grass")
        made = [client.edit(image, prompt).wait() for prompt in prompts]
        assert [each.chosen and each.chosen.kind for each in made] == ["background", "style"]
        return [made[0].files[0], made[1].files[0]]

    how = {"method": "aligned", "steps": 4}
    ahead = further(client.invert(picture(), "a cat on grass", steps=4))
    client.delete(next(client.images()))
    along = client.edit(picture(), "a cat on snow", source_prompt="a cat on grass", inversion=how)
    assert along.inversion is not None
    assert along.inversion.method == "edit-friendly"
    assert along.wait().files[0] == ahead[0]
    assert further(along) == ahead
    for named in (along.image_id, client.image(along.image_id)):
        again = client.edit(named, "a watercolour of a cat on grass")
        assert again.inversion is not None
        assert again.inversion.method == "aligned"


def test_learn_edit_look_at_attention_and_edit_again_from_memory(client: Client) -> None:
    accepted = client.invert(picture(), prompt="a cat on grass", method="stylediffusion", steps=3)
    learned = client.wait(accepted.job_id, timeout_s=300).result
    assert isinstance(learned, InvertResult)

    first = edited(client, accepted.image_id, "a dog on grass", attention=True)
    assert (first.source_cached, first.features_cached) == (True, False)
    [made] = first.images
    words = {each.word: each for each in made.attention or ()}
    assert set(words) == {"a", "cat", "dog", "on", "grass"}
    assert words["dog"].url is not None
    with Image.open(io.BytesIO(client.download(words["dog"].url))) as shown:
        assert (shown.format, shown.size) == ("PNG", (learned.width, learned.height))

    other = edited(client, accepted.image_id, "a fox on grass")
    again = edited(client, accepted.image_id, "a dog on grass", attention=True)
    assert other.features_cached
    assert again.features_cached
    assert again.images == first.images

    with pytest.raises(ApiError, match="Leave guidance_scale out") as caught:
        client.edit(accepted.image_id, "a dog on grass", guidance_scale=9)
    assert caught.value.code == "record_mismatch"

    client.delete(accepted.image_id)
    with pytest.raises(ApiError) as gone:
        client.download(words["dog"].url)
    assert gone.value.code == "not_found"
