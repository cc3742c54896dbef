"""The client that is awaited; `pentimento.client` has the same methods for code that waits."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from types import TracebackType
from typing import Self, Unpack, overload

import httpx2
from PIL import Image as Pillow

from api_schemas import Accepted, DeliveryList, Image, Job, JobEvent, MethodInfo, ModelInfo
from pentimento import calls, outcomes
from pentimento.core import Core, Place
from pentimento.following import Following, finish, follow
from pentimento.keywords import Editing, Generating, Inverting, Listing, Submitting
from pentimento.outcomes import AJob, AnImage, Edited, Inverted, Pending
from pentimento.pictures import Picture, decode
from pentimento.transport import Awaiting


class AsyncClient:
    """Talks to the service as `Client` does, and lets other things happen meanwhile."""

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 3,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        place = Place.of(url, key)
        self.url = place.url
        http = httpx2.AsyncClient(transport=transport, **place.options(timeout_s))
        self._core = Core(Awaiting(http), place.url, retries)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back the connections."""
        await self._core.transport.close()

    async def invert(self, image: Picture, prompt: str, **how: Unpack[Inverting]) -> "AsyncInversion":
        """As `Client.invert`."""
        return AsyncInversion(self, await self._core.ask(calls.invert(image, prompt, how)))

    async def generate(self, prompt: str, **how: Unpack[Generating]) -> "AsyncInversion":
        """As `Client.generate`."""
        return AsyncInversion(self, await self._core.ask(calls.generate(prompt, how)))

    async def edit(
        self, image: AnImage | Picture, prompt: str | Sequence[str], **how: Unpack[Editing]
    ) -> "AsyncEdit":
        """As `Client.edit`."""
        return AsyncEdit(self, await self._core.ask(outcomes.editing(image, prompt, how)))

    async def invert_result(
        self, edit: AJob | Edited, index: int = 0, prompt: str | None = None, **how: Unpack[Submitting]
    ) -> "AsyncInversion":
        """As `Client.invert_result`."""
        named = outcomes.job_id(edit.job if isinstance(edit, Edited) else edit)
        return AsyncInversion(self, await self._core.ask(calls.invert_result(named, index, prompt, how)))

    @overload
    async def wait(self, job: "AsyncInversion", **how: Unpack[Following]) -> Inverted: ...
    @overload
    async def wait(self, job: "AsyncEdit", **how: Unpack[Following]) -> Edited: ...
    @overload
    async def wait(self, job: AJob, **how: Unpack[Following]) -> Inverted | Edited: ...
    async def wait(self, job: AJob, **how: Unpack[Following]) -> Inverted | Edited:
        """As `Client.wait`."""
        return await finish(self._core, outcomes.job_id(job), how)

    def events(self, job: AJob) -> AsyncGenerator[JobEvent]:
        """As `Client.events`."""
        return follow(self._core, outcomes.job_id(job))

    async def job(self, job: AJob) -> Job:
        """As `Client.job`."""
        return await self._core.ask(calls.job(outcomes.job_id(job)))

    async def jobs(self, limit: int | None = None, **only: Unpack[Listing]) -> AsyncGenerator[Job]:
        """As `Client.jobs`."""
        async for page in self._core.pages(partial(calls.jobs, only), limit):
            for job in page.jobs:
                yield job

    async def cancel(self, job: AJob) -> Job:
        """As `Client.cancel`."""
        return await self._core.ask(calls.cancel(outcomes.job_id(job)))

    async def deliveries(self, job: AJob) -> DeliveryList:
        """As `Client.deliveries`."""
        return await self._core.ask(calls.deliveries(outcomes.job_id(job)))

    async def image(self, image: AnImage) -> Image:
        """As `Client.image`."""
        return await self._core.ask(calls.image(outcomes.image_id(image)))

    async def images(self, limit: int | None = None) -> AsyncGenerator[Image]:
        """As `Client.images`."""
        async for page in self._core.pages(calls.images, limit):
            for image in page.images:
                yield image

    async def delete(self, image: AnImage) -> None:
        """As `Client.delete`."""
        await self._core.ask(calls.delete(outcomes.image_id(image)))

    async def models(self) -> list[ModelInfo]:
        """As `Client.models`."""
        return await self._core.ask(calls.models())

    async def methods(self) -> list[MethodInfo]:
        """As `Client.methods`."""
        return await self._core.ask(calls.methods())

    async def download(self, path: str) -> bytes:
        """As `Client.download`."""
        return await self._core.ask(calls.download(path))

    async def picture(self, path: str) -> Pillow.Image:
        """As `Client.picture`."""
        return decode(await self.download(path))


class AsyncInversion(Pending):
    """An image on its way to be editable."""

    def __init__(self, client: AsyncClient, accepted: Accepted) -> None:
        super().__init__(accepted)
        self._client = client

    async def wait(self, **how: Unpack[Following]) -> Inverted:
        """As `Client.wait`."""
        return await self._client.wait(self, **how)

    async def cancel(self) -> Job:
        """As `Client.cancel`."""
        return await self._client.cancel(self)


class AsyncEdit(Pending):
    """Pictures on their way."""

    def __init__(self, client: AsyncClient, accepted: Accepted) -> None:
        super().__init__(accepted)
        self._client = client

    async def wait(self, **how: Unpack[Following]) -> Edited:
        """As `Client.wait`."""
        return await self._client.wait(self, **how)

    async def cancel(self) -> Job:
        """As `Client.cancel`."""
        return await self._client.cancel(self)
