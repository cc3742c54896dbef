"""What routes have in common."""

from typing import Annotated

from fastapi import Depends, Path, Request

from service.settings import ServiceSettings
from store import Store


async def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _settings(request: Request) -> ServiceSettings:
    settings: ServiceSettings = request.app.state.settings
    return settings


TheStore = Annotated[Store, Depends(_store)]
TheSettings = Annotated[ServiceSettings, Depends(_settings)]
JobPath = Annotated[
    str,
    Path(
        pattern=r"^job_[0-9a-z]{26}$",
        description="The id that the request was answered with.",
        examples=["job_01k9s0v6x1p4q8w2z3e5r7t9y0"],
    ),
]
ImagePath = Annotated[
    str,
    Path(
        pattern=r"^img_[0-9a-z]{26}$",
        description="The id of the image.",
        examples=["img_mfzgs3tbonrw65dfon2gk4tfmq"],
    ),
]
