"""The exception tree: stable codes, and attributes that a caller can answer with."""

import pickle

import pytest
import torch

from engine import errors
from engine.errors import PentimentoError

TABLE = [
    (errors.InvalidImage("too long"), "invalid_image", {"reason": "too long"}),
    (errors.UnknownWord("dog", ("a", "cat")), "unknown_word", {"word": "dog", "words": ["a", "cat"]}),
    (
        errors.PromptsDoNotAlign("a cat", "cat", "lengths"),
        "prompts_do_not_align",
        {"source": "a cat", "target": "cat", "reason": "lengths"},
    ),
    (errors.PromptTooLong(80, 77), "prompt_too_long", {"tokens": 80, "limit": 77}),
    (
        errors.InvalidParameter("tau_c", [1, 0], "0..1"),
        "invalid_parameter",
        {"name": "tau_c", "value": "[1, 0]", "expected": "0..1"},
    ),
    (
        errors.InvalidParameter("w", float("nan"), "a number"),
        "invalid_parameter",
        {"name": "w", "value": "nan", "expected": "a number"},
    ),
    (
        errors.InvalidParameter("w", 2, "a text"),
        "invalid_parameter",
        {"name": "w", "value": 2, "expected": "a text"},
    ),
    (
        errors.Incompatible("p2p", "encode", ["path", "start"], ["ddim"]),
        "incompatible_inversion",
        {"method": "p2p", "inversion": "encode", "missing": ["path", "start"], "suitable": ["ddim"]},
    ),
    (errors.EmptyMask("paint more"), "empty_mask", {"reason": "paint more"}),
    (errors.BrokenPlugin("x", "gone"), "broken_plugin", {"distribution": "x", "reason": "gone"}),
    (
        errors.UnsupportedByModel("method", "p2p", "x", "it is flat", "take plain"),
        "unsupported_by_model",
        {"parameter": "method", "what": "p2p", "name": "x", "reason": "it is flat", "instead": "take plain"},
    ),
    (errors.UnknownMethod("x", {"p2p": 1}), "unknown_method", {"name": "x", "known": ["p2p"]}),
    (errors.UnknownModel("x", "gone"), "unknown_model", {"name": "x", "reason": "gone"}),
    (
        errors.RecordMismatch("model", "a", "b"),
        "record_mismatch",
        {"name": "model", "recorded": "a", "present": "b", "remedy": "invert the image again"},
    ),
    (
        errors.RecordMismatch("guidance scale", "3", "7.5", "edit at 3"),
        "record_mismatch",
        {"name": "guidance scale", "recorded": "3", "present": "7.5", "remedy": "edit at 3"},
    ),
    (errors.RecordCorrupt("flipped"), "record_corrupt", {"reason": "flipped"}),
    (errors.NumericalError("edit", 3), "numerical_error", {"phase": "edit", "step": 3}),
    (errors.OutOfMemory("full"), "out_of_memory", {"reason": "full"}),
]


@pytest.mark.parametrize(("error", "code", "detail"), TABLE, ids=[code for _, code, _ in TABLE])
def test_each_error_has_its_code_and_detail_and_travels(
    error: PentimentoError, code: str, detail: dict[str, object]
) -> None:
    assert (error.code, error.detail) == (code, detail)
    told = {name: value for name, value in detail.items() if name != "parameter"}
    assert all(
        str(value).strip("[]'") in str(error) for value in told.values() if not isinstance(value, list)
    )

    arrived = pickle.loads(pickle.dumps(error))

    assert (type(arrived), arrived.detail, str(arrived)) == (type(error), detail, str(error))


def test_the_table_and_the_drawing_have_every_error() -> None:
    classes = PentimentoError.__subclasses__()

    assert {type(error) for error, _, _ in TABLE} == set(classes)
    assert all(f"─ {cls.__name__} " in (errors.__doc__ or "") for cls in classes)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_errors_become_ours(error: RuntimeError) -> None:
    with pytest.raises(errors.OutOfMemory), errors.memory_errors():
        raise error


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), errors.memory_errors():
        raise RuntimeError("shapes")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_latents_of_nan_or_infinity_are_refused(value: float) -> None:
    with pytest.raises(errors.NumericalError):
        errors.check_finite(torch.tensor([0.0, value]), "edit", 0)
