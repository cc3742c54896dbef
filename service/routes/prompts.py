"""What an edit will make of two prompts, before it is asked for."""

from anyio import to_thread
from fastapi import APIRouter, Request
from redis.exceptions import RedisError

from api_schemas import ComparedWord, Comparison, ErrorCode, ModelInfo, PromptPair, WordChange
from prompts import Changes, changed, words
from service import knowing, openapi
from service.bodies import read_json
from service.checks import check_length
from service.choosing import compared
from service.errors import ServiceError
from service.models import meant
from service.routes.common import TheStore
from store import Store

router = APIRouter(tags=["prompts"])

_TOKEN_LIMIT = 256  # more than any model takes; the time to align grows with the product of the lengths


@router.post(
    "/prompts/compare",
    summary="Compare two prompts word by word",
    openapi_extra=openapi.json_body(PromptPair),
    responses=openapi.problems(
        ErrorCode.VALIDATION_ERROR, ErrorCode.PROMPT_TOO_LONG, ErrorCode.UNSUPPORTED_MEDIA_TYPE
    ),
)
async def compare(request: Request, store: TheStore) -> Comparison:
    """Which words are kept, changed, added and removed: the alignment by which edits go.

    `warnings` name words that the model was not taught.
    """
    pair = await read_json(request, PromptPair)
    check_length(pair.source, _TOKEN_LIMIT, "source")
    check_length(pair.target, _TOKEN_LIMIT, "target")
    return await to_thread.run_sync(_compare, pair, store)


def _compare(pair: PromptPair, store: Store) -> Comparison:
    changes, model = changed(pair.source, pair.target), _served(pair, store)
    return Comparison(
        edit="replace" if changes.swap else "refine",
        source=_words(pair.source, WordChange.REMOVED, _partners(changes, 0)),
        target=_words(pair.target, WordChange.ADDED, _partners(changes, 1)),
        chosen=compared(pair.source, pair.target, model),
        warnings=knowing.doubts(model, [pair.source, pair.target]),
    )


def _served(pair: PromptPair, store: Store) -> ModelInfo | None:
    try:
        return meant(store, pair.model).info
    except (RedisError, ServiceError):  # words are aligned without it
        return None


Partners = dict[int, tuple[WordChange, tuple[int, ...]]]


def _partners(changes: Changes, side: int) -> Partners:
    """By index of a word of that side: what became of it, and which words of the other side go with it."""
    found: Partners = {pair[side]: (WordChange.KEPT, (pair[1 - side],)) for pair in changes.kept}
    for gap in changes.gaps:
        ours, theirs = gap[side], gap[1 - side]
        for at, word in enumerate(ours):
            if theirs:
                found[word] = (WordChange.CHANGED, (theirs[at],) if len(ours) == len(theirs) else theirs)
    return found


def _words(prompt: str, alone: WordChange, partners: Partners) -> list[ComparedWord]:
    described = []
    for at, word in enumerate(words(prompt)):
        change, others = partners.get(at, (alone, ()))
        described.append(
            ComparedWord(text=word.text, start=word.start, stop=word.stop, change=change, others=list(others))
        )
    return described
