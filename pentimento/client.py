"""A small client of the HTTP API, typed by `api_schemas`."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from api_schemas import Accepted, Image, Job, JobStatus, MethodInfo, ModelInfo, Problem
from pentimento.errors import ApiError, JobFailed, Unreachable

DEFAULT_URL = "http://127.0.0.1:8000"
Params = BaseModel | Mapping[str, Any] | None
Answer = TypeVar("Answer")

_POLL_FIRST_S, _POLL_LONGEST_S = 0.05, 1.0
_OUTAGE_S = 30.0


class _JobList(BaseModel):
    jobs: list[Job]


class Client:
    """Talks to the service at `url`, else at $PENTIMENTO_URL, else on this machine.

    Every method raises ApiError if the service refuses and Unreachable if it cannot be asked.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout_s: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = (url or os.environ.get("PENTIMENTO_URL") or DEFAULT_URL).rstrip("/")
        local = httpx2.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx2.Client(
            base_url=self.url, timeout=timeout_s, transport=transport, trust_env=not local
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def invert(
        self,
        image: str | Path | bytes,
        *,
        prompt: str,
        method: str | None = None,
        steps: int | None = None,
        params: Params = None,
        model: str | None = None,
    ) -> Accepted:
        """Send an image (a path, or the bytes of a PNG, JPEG or WebP file) and what it shows."""
        data = image if isinstance(image, bytes) else Path(image).read_bytes()
        options = {"prompt": prompt, "method": method, "steps": steps, "model": model}
        fields = {name: str(value) for name, value in options.items() if value is not None}
        if params is not None:
            fields["params"] = json.dumps(_plain(params))
        return self._ask(Accepted, "POST", "/invert", data=fields, files={"image": ("image", data)})

    def edit(
        self,
        image_id: str,
        prompt: str | Sequence[str],
        *,
        method: str | None = None,
        params: Params = None,
        guidance_scale: float | None = None,
    ) -> Accepted:
        """Ask for an edit of an image by one target prompt, or for several that share the work."""
        target = {"prompt": prompt} if isinstance(prompt, str) else {"prompts": list(prompt)}
        options = {"method": method, "params": _plain(params), "guidance_scale": guidance_scale}
        asked = {name: value for name, value in options.items() if value is not None}
        return self._ask(Accepted, "POST", "/edit", json={"image_id": image_id, **target, **asked})

    def job(self, job_id: str) -> Job:
        """The job as it stands now."""
        return self._ask(Job, "GET", f"/jobs/{job_id}")

    def jobs(self, limit: int = 50) -> list[Job]:
        """The latest jobs, newest first."""
        return self._ask(_JobList, "GET", "/jobs", params={"limit": limit}).jobs

    def cancel(self, job_id: str) -> Job:
        """Cancel a job; asking twice is no error."""
        return self._ask(Job, "POST", f"/jobs/{job_id}/cancel")

    def image(self, image_id: str) -> Image:
        """What was sent, and whether it can be edited yet."""
        return self._ask(Image, "GET", f"/images/{image_id}")

    def delete(self, image_id: str) -> None:
        """Remove an image and everything that was made from it."""
        self._request("DELETE", f"/images/{image_id}")

    def models(self) -> list[ModelInfo]:
        """The models that are served now."""
        return self._ask(list[ModelInfo], "GET", "/models")

    def methods(self) -> list[MethodInfo]:
        """The ways to invert and to edit."""
        return self._ask(list[MethodInfo], "GET", "/methods")

    def download(self, path: str) -> bytes:
        """The picture at a path that a result names."""
        return self._request("GET", path).content

    def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_update: Callable[[Job], None] | None = None,
    ) -> Job:
        """Wait until the job has succeeded; an outage of half a minute is waited out.

        Raises JobFailed if it ends otherwise, TimeoutError if it takes longer than `timeout_s`.
        """
        started = answered = time.monotonic()
        pause = _POLL_FIRST_S
        while True:
            try:
                job = self.job(job_id)
            except (Unreachable, ApiError) as error:
                passing = isinstance(error, Unreachable) or error.problem.status == 503
                if not passing or time.monotonic() - answered > _OUTAGE_S:
                    raise
            else:
                answered = time.monotonic()
                if on_update:
                    on_update(job)
                if job.status is JobStatus.SUCCEEDED:
                    return job
                if job.status.terminal:
                    raise JobFailed(job)
            if timeout_s is not None and time.monotonic() - started > timeout_s:
                raise TimeoutError(f"the job {job_id} is not done after {timeout_s:g} s; it goes on")
            time.sleep(pause)
            pause = min(_POLL_LONGEST_S, pause * 1.3)

    def _ask(self, kind: type[Answer], method: str, path: str, **options: Any) -> Answer:
        answer = self._request(method, path, **options)
        try:
            return TypeAdapter(kind).validate_json(answer.content)
        except ValidationError as error:
            raise Unreachable(
                f"{self.url} answered {path} with something else than expected; is it Pentimento? {error}"
            ) from None

    def _request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(
                f"no answer from {self.url} ({reason}); is `pentimento serve` running?"
            ) from error
        if answer.is_success:
            return answer
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError:
            raise Unreachable(
                f"{self.url} answered {answer.status_code} without saying why; is it Pentimento?"
            ) from None
        raise ApiError(problem)


def _plain(params: Params) -> Any:
    return params.model_dump(mode="json", exclude_unset=True) if isinstance(params, BaseModel) else params
