"""What routes have in common."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api_schemas import IMAGE_ID, JOB_ID, ErrorCode, FieldError, Problem
from service.errors import ServiceError
from service.following import Follower
from service.settings import ServiceSettings
from store import Store


async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _settings(request: Request) -> ServiceSettings:
    settings: ServiceSettings = request.app.state.settings
    return settings


async def _follower(request: Request) -> Follower:
    follower: Follower = request.app.state.follower
    return follower


TheStore = Annotated[Store, Depends(_store)]
TheSettings = Annotated[ServiceSettings, Depends(_settings)]
TheFollower = Annotated[Follower, Depends(_follower)]
JobPath = Annotated[
    str,
    Path(
        pattern=JOB_ID,
        description="The id that the request was answered with.",
        examples=["job_01k9s0v6x1p4q8w2z3e5r7t9y0"],
    ),
]
ImagePath = Annotated[
    str,
    Path(
        pattern=IMAGE_ID,
        description="The id of the image.",
        examples=["img_mfzgs3tbonrw65dfon2gk4tfmq"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many to list at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next_cursor` of the page before; none for the first."),
]


def bad_cursor() -> ServiceError:
    """The error for a cursor that no page of this list ever gave."""
    message = "this is no cursor of this list; give the `next_cursor` of the page before as it is"
    field = FieldError(loc=["query", "cursor"], msg=message, type="cursor")
    return ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, f"cursor: {message}", errors=[field]))
