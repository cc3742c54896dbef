"""The mask of an edit: in every form of a body, kept with its image, refused before anything is queued."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import store
from service import uploads
from service.app import create_app
from service.bodies import DECODERS
from service.settings import ServiceSettings
from service.uploads import MAX_BYTES
from store import Store, StoreSettings, keys
from tests.service.conftest import NO_IMAGE, edit, invert, png_of, serve, served_before

SIZE = (40, 32)
ASKED = {"prompt": "a dog on grass"}


def mask_png(size: tuple[int, int] = SIZE, box: tuple[float, float, float, float] = (0, 0, 0.5, 1)) -> bytes:
    mask = Image.new("L", size)
    left, top, right, bottom = (round(part * side) for part, side in zip(box, size * 2, strict=True))
    mask.paste(255, (left, top, right, bottom))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def request_of(http: TestClient, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = http.get(answer.json()["links"]["self"]).json()["request"]
    return found


def stored(shared: Store, path: str) -> Image.Image:
    return Image.open(io.BytesIO(shared.blobs.picture(path.removeprefix("/"))))


def test_a_file_base64_and_a_data_url_are_one_mask_of_the_images_size(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = invert(http, png).image_id
    sent = mask_png((160, 128))
    bare = base64.b64encode(sent + b"\xfb" * 2000).decode()  # long enough to be taken out of the body
    answers = [
        http.post("/edit", files={"mask": sent}, data={"image_id": image, **ASKED}),
        http.post("/edit", json={"image_id": image, "mask": bare, **ASKED}),
        http.post("/edit", json={"mask": f"data:image/png;base64,{bare}", "image_id": image, **ASKED}),
        http.post("/edit", json={"image_id": image, "mask": base64.b64encode(sent).decode(), **ASKED}),
    ]
    [path] = {request_of(http, answer)["mask"] for answer in answers}

    assert path.startswith(f"/images/{image}/masks/")
    mask = stored(shared, path)
    assert mask.size == SIZE
    assert (np.asarray(mask.convert("L"))[0] == [255] * 20 + [0] * 20).all()
    served = http.get(path)
    assert (served.status_code, served.headers["content-type"]) == (200, "image/png")


def test_a_mask_is_named_by_its_path_from_then_on(http: TestClient, shared: Store, png: bytes) -> None:
    image = invert(http, png).image_id
    first = request_of(
        http, http.post("/edit", files={"mask": mask_png()}, data={"image_id": image, **ASKED})
    )
    result = keys.result(image, mask_png())
    shared.blobs.put(result, mask_png())

    again = request_of(http, http.post("/edit", json=first))
    of_a_result = request_of(http, edit(http, image, mask=f"/under/a/prefix/{result}"))
    form = {
        name: (None, value) for name, value in {"image_id": image, "mask": first["mask"], **ASKED}.items()
    }
    in_a_form = request_of(http, http.post("/edit", files=form))

    assert again["mask"] == first["mask"] == of_a_result["mask"] == in_a_form["mask"]


def test_a_picture_and_its_mask_come_in_one_request(http: TestClient, shared: Store, png: bytes) -> None:
    fields = {"source_prompt": "a cat on grass", **ASKED}
    form = request_of(http, http.post("/edit", files={"image": png, "mask": mask_png()}, data=fields))
    body = {name: base64.b64encode(data).decode() for name, data in (("image", png), ("mask", mask_png()))}
    asked = request_of(http, http.post("/edit", json={**body, **fields}))
    turned = request_of(http, http.post("/edit", json={**fields, **dict(reversed(body.items()))}))

    assert form == asked == turned
    assert stored(shared, form["mask"]).size == SIZE


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_mask_is_made_to_fit_as_its_image_was(http: TestClient, shared: Store, fit: str) -> None:
    image = invert(http, png_of((120, 30)), fit=fit).image_id
    fitted = http.get(f"/images/{image}").json()
    assert fitted["fit"] == fit

    of_what_was_sent = request_of(http, edit_with(http, image, mask_png((240, 60))))
    of_what_is_kept = request_of(http, edit_with(http, image, mask_png((fitted["width"], fitted["height"]))))

    one, other = (stored(shared, each["mask"]).convert("L") for each in (of_what_was_sent, of_what_is_kept))
    assert one.size == other.size == (fitted["width"], fitted["height"])
    padded = np.asarray(other).copy()
    if fit == "pad":
        rows = (padded.shape[0] - 30) // 2
        padded[:rows] = padded[-rows:] = 0
    assert (np.asarray(one) == padded).all()


def edit_with(http: TestClient, image: str, mask: bytes, **fields: str) -> Any:
    return http.post("/edit", files={"mask": mask}, data={"image_id": image, **ASKED, **fields})


def test_another_mask_is_another_edit(http: TestClient, png: bytes) -> None:
    image, key = invert(http, png).image_id, {"Idempotency-Key": "k"}

    def post(mask: bytes) -> Any:
        return http.post("/edit", files={"mask": mask}, data={"image_id": image, **ASKED}, headers=key)

    first, again, other = post(mask_png()), post(mask_png()), post(mask_png(box=(0.5, 0, 1, 1)))
    assert first.json()["job_id"] == again.json()["job_id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_mask_goes_with_its_image(http: TestClient, shared: Store, png: bytes) -> None:
    image = invert(http, png).image_id
    path = request_of(http, edit_with(http, image, mask_png()))["mask"]

    assert http.delete(f"/images/{image}").status_code == 204

    assert not shared.blobs.exists(path.removeprefix("/"))
    assert edit_with(http, image, mask_png()).json()["code"] == "not_found"
    assert not shared.blobs.exists(path.removeprefix("/"))


def test_a_mask_that_is_sent_is_one_that_a_prompt_can_be_inside_of(http: TestClient, png: bytes) -> None:
    image = invert(http, png).image_id
    inside = {"method": "plain", "params": '{"inside_prompt": "grass"}'}

    sent = edit_with(http, image, mask_png(), **inside)
    named = edit(
        http, image, mask=request_of(http, sent)["mask"], method="plain", params={"inside_prompt": "sand"}
    )
    without = edit(http, image, method="plain", params={"inside_prompt": "grass"})
    upload = http.post(
        "/edit",
        files={"image": png, "mask": mask_png()},
        data={"source_prompt": "a cat on grass", **ASKED, **inside},
    )

    assert [answer.status_code for answer in (sent, named, upload, without)] == [202, 202, 202, 422]
    assert (without.json()["code"], without.json()["parameter"]) == ("invalid_parameter", "inside_prompt")


def test_a_mask_that_is_sent_says_where_a_region_is(http: TestClient, png: bytes) -> None:
    image = invert(http, png).image_id
    same = {"image_id": image, "prompt": "a cat on grass", "method": "plain", "region": "auto"}

    assert http.post("/edit", files={"mask": mask_png()}, data=same).status_code == 202
    assert http.post("/edit", json=same).json()["parameter"] == "region"


def test_a_mask_that_opens_no_pixel_of_the_models_is_refused_before_anything_is_queued(
    http: TestClient, shared: Store
) -> None:
    size = (640, 512)
    image, speck = invert(http, png_of(size)).image_id, mask_png(size, (0.01, 0.01, 0.014, 0.014))
    serve(shared)
    upload = {"image": png_of(size), "mask": speck}

    refused = [
        edit_with(http, image, speck),
        edit_with(http, image, speck, params='{"combine_masks": "or", "blend_words": "changed"}'),
        http.post("/edit", files=upload, data={"source_prompt": "a cat on grass", **ASKED}),
    ]

    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (422, "empty_mask")
        assert "80x64 picture that the model sees" in answer.json()["detail"]
    assert len(http.get("/images").json()["images"]) == 1
    for region in ("[0, 0, 128, 128]", "auto"):  # where the model sees more of it
        assert edit_with(http, image, speck, region=region).status_code == 202


def black(size: tuple[int, int] = SIZE) -> bytes:
    return mask_png(size, (0, 0, 0, 0))


REFUSED: list[tuple[bytes, dict[str, Any], int, str, str]] = [
    (black(), {}, 422, "empty_mask", "white"),
    (png_of((48, 64)), {}, 422, "invalid_image", "48x64, the image 40x32"),
    (b"no picture", {}, 415, "unsupported_media_type", "mask: "),
    (mask_png()[:60], {}, 422, "invalid_image", "mask: "),
    (png_of((8, 8)), {}, 422, "invalid_image", "16 pixels"),
    (b"", {}, 422, "invalid_image", "mask: "),
    (bytes(MAX_BYTES + 1), {}, 413, "payload_too_large", "mask"),
    (mask_png(), {"params": '{"feather": 65}'}, 422, "validation_error", "feather"),
    (mask_png(), {"params": '{"feather": 2, "blend_in": "latent"}'}, 422, "invalid_parameter", "feather"),
    (
        *(mask_png(), {"params": '{"blend_words": ["dog"], "subtract_words": ["dog"]}'}, 422),
        *("empty_mask", "subtract_words closes"),
    ),
    (
        *(mask_png(), {"params": '{"diffedit_mask": true}', "prompt": "a cat on grass"}, 422),
        *("empty_mask", "source prompt"),
    ),
]


@pytest.mark.parametrize(("mask", "fields", "status", "code", "says"), REFUSED, ids=range(len(REFUSED)))
def test_a_mask_that_cannot_be_is_refused_before_anything_is_queued(
    http: TestClient, png: bytes, mask: bytes, fields: dict[str, Any], status: int, code: str, says: str
) -> None:
    image = invert(http, png).image_id

    answer = edit_with(http, image, mask, **fields)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert says in answer.json()["detail"]
    assert [job["kind"] for job in http.get("/jobs").json()["jobs"]] == ["invert"]


def test_a_mask_of_nothing_or_of_another_image_is_not_found(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image, other = invert(http, png).image_id, invert(http, png_of((48, 32))).image_id
    theirs = request_of(http, edit_with(http, other, mask_png((48, 32))))["mask"]
    nowhere = [f"/images/{each}/masks/{'0' * 64}.png" for each in (image, NO_IMAGE)]
    for path in (theirs, *nowhere):
        answer = edit(http, image, mask=path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert answer.json()["parameter"] == "mask"
    shared.blobs.put(theirs.removeprefix("/"), b"damaged")
    assert edit(http, other, mask=theirs).json()["code"] == "damaged"


@pytest.mark.parametrize("mask", ["", "!!!!", "data:image/png,abc", 5, "!" * 3000])
def test_a_mask_that_is_no_base64_is_named(http: TestClient, png: bytes, mask: Any) -> None:
    answer = edit(http, invert(http, png).image_id, mask=mask)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"][0]["loc"] == ["mask"]


def test_text_in_a_form_that_is_no_path_is_named(http: TestClient, png: bytes) -> None:
    image = invert(http, png).image_id
    for text in ("cat", f"/images/{image}/source.png", base64.b64encode(mask_png()).decode()):
        form = {name: (None, value) for name, value in {"image_id": image, "mask": text, **ASKED}.items()}
        answer = http.post("/edit", files=form)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert answer.json()["errors"][0]["loc"] == ["mask"]


def test_every_mask_is_decoded_where_pictures_are(
    http: TestClient, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, decoding = invert(http, png).image_id, []
    read = uploads.read_mask

    def counted(*args: Any, **how: Any) -> bytes:
        decoding.append(DECODERS.borrowed_tokens)
        return read(*args, **how)

    monkeypatch.setattr(uploads, "read_mask", counted)
    path = request_of(http, edit_with(http, image, mask_png()))["mask"]
    assert edit(http, image, mask=path).status_code == 202
    assert decoding == [1, 1]


def test_a_mask_stays_only_if_its_edit_was_accepted(
    settings: StoreSettings, png: bytes, tmp_path: Path
) -> None:
    small = store.open(settings.model_copy(update={"max_queued": 2}))
    served_before(small)
    with TestClient(create_app(small, ServiceSettings()), base_url="http://127.0.0.1") as http:
        image = invert(http, png).image_id
        kept = request_of(http, edit_with(http, image, mask_png()))["mask"]
        for mask in (mask_png(), mask_png(box=(0.5, 0, 1, 1))):
            assert edit_with(http, image, mask).json()["code"] == "queue_full"
    assert [path.name for path in tmp_path.rglob("masks/*.png")] == [Path(kept).name]


def test_words_like_fields_are_no_pictures(http: TestClient, png: bytes) -> None:
    image = invert(http, png).image_id
    prompt = 'a "mask": "' + "x" * 1500 + '" and an "image": "y"'

    assert request_of(http, edit(http, image, prompt=prompt))["prompt"] == prompt
    deep = {"image_id": image, "prompt": "a", "inversion": {"params": {"mask": "z" * 2000}}}
    assert (
        http.post("/edit", content=json.dumps(deep), headers={"Content-Type": "application/json"}).status_code
        == 422
    )
