"""The client that waits for every answer."""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
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
from pentimento.transport import Blocking, each, now


class Client:
    """Talks to the service at `url`, else at $PENTIMENTO_URL, else on this machine.

    Every method raises ApiError if the service refuses and Unreachable if it cannot be asked. What may
    pass by itself is tried again `retries` times, and never makes a job twice. Threads may share a client.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 3,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        place = Place.of(url, key)
        self.url = place.url
        http = httpx2.Client(transport=transport, **place.options(timeout_s))
        self._core = Core(Blocking(http), place.url, retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        now(self._core.transport.close())

    def invert(self, image: Picture, prompt: str, **how: Unpack[Inverting]) -> "Inversion":
        """Send an image (a path, an open file, its bytes or a PIL image) and what it shows.

        Returns once the job is accepted: edits may name the image at once, and wait for it.
        """
        return Inversion(self, now(self._core.ask(calls.invert(image, prompt, how))))

    def generate(self, prompt: str, **how: Unpack[Generating]) -> "Inversion":
        """Let the model paint a picture, which can then be edited like one that was sent.

        Returns once the job is accepted; `wait()` gives the image, and `picture(...)` its `source_url`.
        """
        return Inversion(self, now(self._core.ask(calls.generate(prompt, how))))

    def edit(self, image: AnImage | Picture, prompt: str | Sequence[str], **how: Unpack[Editing]) -> "Edit":
        """Ask for an edit by one target prompt, or for several that share the work.

        What `invert` returned stands for the inversion that it asked for, an id for the image's own one. With
        a `source_prompt` the image is a picture as in `invert`, and is sent along.
        Returns once the job is accepted.
        """
        return Edit(self, now(self._core.ask(outcomes.editing(image, prompt, how))))

    def invert_result(
        self, edit: "AJob | Edited", index: int = 0, prompt: str | None = None, **how: Unpack[Submitting]
    ) -> "Inversion":
        """Make a picture of a finished edit an image of its own, at its full size, to be edited further.

        `prompt` says what it shows, if not what it was made by. Returns once the job is accepted.
        """
        named = outcomes.job_id(edit.job if isinstance(edit, Edited) else edit)
        return Inversion(self, now(self._core.ask(calls.invert_result(named, index, prompt, how))))

    @overload
    def wait(self, job: "Inversion", **how: Unpack[Following]) -> Inverted: ...
    @overload
    def wait(self, job: "Edit", **how: Unpack[Following]) -> Edited: ...
    @overload
    def wait(self, job: AJob, **how: Unpack[Following]) -> Inverted | Edited: ...
    def wait(self, job: AJob, **how: Unpack[Following]) -> Inverted | Edited:
        """What the job made, once it has succeeded; an outage of half a minute is waited out.

        Raises JobFailed if it ends otherwise, TimeoutError if it takes longer than `timeout_s`.
        """
        return now(finish(self._core, outcomes.job_id(job), how))

    def events(self, job: AJob) -> Iterator[JobEvent]:
        """What happens to a job, from its beginning to its end, as it happens."""
        return each(follow(self._core, outcomes.job_id(job)))

    def job(self, job: AJob) -> Job:
        """The job as it stands now."""
        return now(self._core.ask(calls.job(outcomes.job_id(job))))

    def jobs(self, limit: int | None = None, **only: Unpack[Listing]) -> Iterator[Job]:
        """The jobs, newest first, fetched page by page as they are asked for."""
        for page in each(self._core.pages(partial(calls.jobs, only), limit)):
            yield from page.jobs

    def cancel(self, job: AJob) -> Job:
        """Cancel a job; asking twice is no error."""
        return now(self._core.ask(calls.cancel(outcomes.job_id(job))))

    def deliveries(self, job: AJob) -> DeliveryList:
        """What became of the job's webhook."""
        return now(self._core.ask(calls.deliveries(outcomes.job_id(job))))

    def image(self, image: AnImage) -> Image:
        """What was sent, and whether it can be edited yet."""
        return now(self._core.ask(calls.image(outcomes.image_id(image))))

    def images(self, limit: int | None = None) -> Iterator[Image]:
        """The images, newest first, fetched page by page as they are asked for."""
        for page in each(self._core.pages(calls.images, limit)):
            yield from page.images

    def delete(self, image: AnImage) -> None:
        """Remove an image and everything that was made from it."""
        now(self._core.ask(calls.delete(outcomes.image_id(image))))

    def models(self) -> list[ModelInfo]:
        """The models that are served now."""
        return now(self._core.ask(calls.models()))

    def methods(self) -> list[MethodInfo]:
        """The ways to invert and to edit."""
        return now(self._core.ask(calls.methods()))

    def download(self, path: str) -> bytes:
        """The file at a path that an answer names."""
        return now(self._core.ask(calls.download(path)))

    def picture(self, path: str) -> Pillow.Image:
        """The picture at a path that an answer names: a source, a mask, where a word attends."""
        return decode(self.download(path))


class Inversion(Pending):
    """An image on its way to be editable."""

    def __init__(self, client: Client, accepted: Accepted) -> None:
        super().__init__(accepted)
        self._client = client

    def wait(self, **how: Unpack[Following]) -> Inverted:
        """As `Client.wait`."""
        return self._client.wait(self, **how)

    def cancel(self) -> Job:
        """As `Client.cancel`."""
        return self._client.cancel(self)


class Edit(Pending):
    """Pictures on their way."""

    def __init__(self, client: Client, accepted: Accepted) -> None:
        super().__init__(accepted)
        self._client = client

    def wait(self, **how: Unpack[Following]) -> Edited:
        """As `Client.wait`."""
        return self._client.wait(self, **how)

    def cancel(self) -> Job:
        """As `Client.cancel`."""
        return self._client.cancel(self)

    @cached_property
    def images(self) -> list[Pillow.Image]:
        """The pictures, waited for if need be; raises what `Client.wait` raises."""
        return self.wait().images
