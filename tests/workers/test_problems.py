"""The bridge between the engine's errors and the wire's."""

import inspect

import pytest
from rq.timeouts import JobTimeoutException

import engine.errors
import parameters.errors
from api_schemas import ErrorCode
from engine.errors import InvalidParameter, PentimentoError, PromptTooLong, UnknownWord
from store import StorageUnavailable
from workers.problems import problem_of

ENGINE = {
    error.code: error
    for module in (engine.errors, parameters.errors)
    for _, error in inspect.getmembers(module, inspect.isclass)
    if issubclass(error, PentimentoError | parameters.PentimentoError) and error.code != "internal_error"
}


@pytest.mark.parametrize("code", ENGINE)
def test_every_code_of_the_engine_is_one_of_the_wire(code: str) -> None:
    assert ErrorCode(code).http_status >= 400


def test_the_wire_has_no_engine_code_that_the_engine_lost() -> None:
    first, last = (
        list(ErrorCode).index(ErrorCode.INVALID_IMAGE),
        list(ErrorCode).index(ErrorCode.OUT_OF_MEMORY),
    )
    assert {code.value for code in list(ErrorCode)[first : last + 1]} == set(ENGINE)


def test_what_helps_to_repair_a_request_reaches_the_client() -> None:
    word = problem_of(UnknownWord("cat", ["a", "dog"]), "job")
    assert (word.word, word.words, word.status) == ("cat", ["a", "dog"], 422)
    long = problem_of(PromptTooLong(80, 77), "job")
    assert (long.tokens, long.limit) == (80, 77)
    late = problem_of(JobTimeoutException("late"), "job")
    assert late.code is ErrorCode.DEADLINE_EXCEEDED
    away = problem_of(StorageUnavailable("AccessDenied"), "job")
    assert (away.code, away.status) == (ErrorCode.STORAGE_UNAVAILABLE, 503)
    parameter = problem_of(InvalidParameter("tau_s", 2.0, "a fraction"), "job")
    assert (parameter.parameter, parameter.value, parameter.expected) == ("tau_s", 2.0, "a fraction")
