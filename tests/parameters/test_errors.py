"""Errors travel between processes with everything that an answer needs."""

import pickle

import pytest

from parameters import errors
from parameters.errors import PentimentoError

TABLE: list[tuple[PentimentoError, dict[str, object]]] = [
    (errors.UnknownWord("dog", ("a", "cat")), {"word": "dog", "words": ["a", "cat"]}),
    (
        errors.PromptsDoNotAlign("a cat", "cat", "lengths"),
        {"source": "a cat", "target": "cat", "reason": "lengths"},
    ),
    (errors.EmptyMask("all black"), {"reason": "all black"}),
    (
        errors.InvalidParameter("tau_c", [1, 0], "0..1"),
        {"name": "tau_c", "value": "[1, 0]", "expected": "0..1"},
    ),
    (
        errors.InvalidParameter("blend_words", "changed", "words", words=("a", "cat")),
        {"name": "blend_words", "value": "changed", "expected": "words", "words": ["a", "cat"]},
    ),
    (errors.UnknownMethod("x", {"p2p": 1}), {"name": "x", "known": ["p2p"]}),
    (
        errors.Incompatible("p2p", "encode", {"start", "path"}, ["direct", "ddim"]),
        {
            "method": "p2p",
            "inversion": "encode",
            "missing": ["path", "start"],
            "suitable": ["direct", "ddim"],
        },
    ),
    (
        errors.UnsupportedByModel("method", "p2p", "x", "it is flat", "take plain"),
        {"parameter": "method", "what": "p2p", "name": "x", "reason": "it is flat", "instead": "take plain"},
    ),
    (errors.BrokenPlugin("sketches", "no luck"), {"distribution": "sketches", "reason": "no luck"}),
]


@pytest.mark.parametrize(("error", "detail"), TABLE, ids=[error.code for error, _ in TABLE])
def test_an_error_travels(error: PentimentoError, detail: dict[str, object]) -> None:
    arrived = pickle.loads(pickle.dumps(error))

    assert (type(arrived), arrived.code, arrived.detail) == (type(error), error.code, detail)
    assert str(arrived) == str(error)


def test_the_drawing_has_every_error() -> None:
    ours = {type(error) for error, _ in TABLE}

    assert ours == {cls for cls in PentimentoError.__subclasses__() if cls.__module__ == "parameters.errors"}
    assert all(f"─ {cls.__name__} " in (errors.__doc__ or "") for cls in ours)
