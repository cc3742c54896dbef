"""Compares what was promised with what became of it."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from redis import Redis

from api_schemas import JobKind
from benchmarks.chaos.clients import Book, Wish
from benchmarks.chaos.fleet import Fleet

_END_S = 300.0
_ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})
_QUEUES = ("rq:queue:pentimento", "rq:queue:pentimento:intermediate")
_SETS = tuple(f"pentimento:unended:{kind}" for kind in JobKind)
_DIGEST = re.compile(r"/results/([0-9a-f]{64})")
_MEMORY_KB = 600 * 2**10


@dataclass
class Verdict:
    """How many jobs went wrong in which way; all zero if nothing did."""

    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    wrong: int = 0
    orphaned: int = 0
    unbounded: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}

    def add(self, what: str, note: str) -> None:
        """One more of this kind."""
        setattr(self, what, getattr(self, what) + 1)
        self.notes.append(f"{what}: {note}")


class Auditor:
    """Reads everything through the API once all is quiet, and the bare store for what the API hides."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._http = httpx2.Client(base_url=fleet.urls[0], timeout=30)
        self._promised: set[str] = set()

    def __enter__(self) -> "Auditor":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def outcomes(self, book: Book) -> dict[str, dict[str, Any] | None]:
        """Every promised job once it has ended, or as it is after some minutes; None for one that is gone."""
        wanted = [*book.wishes, *book.inversions]
        found: dict[str, dict[str, Any] | None] = {}
        deadline = time.monotonic() + _END_S
        for job_id in wanted:
            while True:
                try:
                    answer = self._http.get(f"/jobs/{job_id}")
                except httpx2.HTTPError:
                    answer = None
                if answer is not None and answer.status_code in (200, 404):
                    found[job_id] = answer.json() if answer.status_code == 200 else None
                    if answer.status_code == 404 or answer.json()["status"] in _ENDED:
                        break
                if time.monotonic() > deadline:
                    found.setdefault(job_id, {"status": "unknown"})
                    break
                time.sleep(0.2)
        return found

    def results(self, book: Book) -> dict[Wish, str]:
        """What a calm run made of every wish."""
        return {
            book.wishes[job_id]: _made(job)
            for job_id, job in self.outcomes(book).items()
            if job_id in book.wishes and job is not None and job["status"] == "succeeded"
        }

    def audit(self, book: Book, expected: Mapping[Wish, str]) -> Verdict:
        """Everything that can be known to have gone wrong."""
        verdict = Verdict()
        for key, jobs in book.jobs.items():
            for job_id in sorted(jobs)[1:]:
                verdict.add("doubled", f"{key} made {job_id} too")
        for job_id, job in self.outcomes(book).items():
            wish = book.wishes.get(job_id)
            if job is None:
                verdict.add("lost", job_id)
            elif job["status"] not in _ENDED:
                verdict.add("stuck", f"{job_id} is {job['status']}")
            elif job["status"] != "succeeded":
                verdict.add("lost", f"{job_id} {job['status']}: {job.get('error')}")
            elif wish is not None and _made(job) != expected[wish]:
                verdict.add("wrong", f"{job_id} made {_made(job)} of {wish}")
        self._check_list(book, verdict)
        self._check_files(expected, verdict)
        self._check_store(verdict)
        return verdict

    def _check_list(self, book: Book, verdict: Verdict) -> None:
        self._promised |= set(book.wishes) | book.inversions | self._fleet.promised
        cursor: str | None = None
        while True:
            page = self._http.get(
                "/jobs", params={"limit": 200, **({"cursor": cursor} if cursor else {})}
            ).json()
            for job in page["jobs"]:
                if job["id"] not in self._promised:
                    verdict.add("doubled", f"no answer named {job['id']}")
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _check_files(self, expected: Mapping[Wish, str], verdict: Verdict) -> None:
        images = {image["id"] for image in self._http.get("/images", params={"limit": 200}).json()["images"]}
        made = {digest for digests in expected.values() for digest in digests.split()}
        for folder in (self._fleet.files / "images").iterdir():
            if folder.name not in images:
                verdict.add("orphaned", folder.name)
            for path in folder.glob("results/*.png"):
                if path.stem not in made:
                    verdict.add("orphaned", str(path.relative_to(self._fleet.files)))
                elif hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
                    verdict.add("wrong", f"{path.name} has other bytes")

    def _check_store(self, verdict: Verdict) -> None:
        with Redis.from_url(self._fleet.store.url, decode_responses=True) as redis:
            left = [name for name in _QUEUES if redis.llen(name)] + [
                name for name in _SETS if redis.scard(name)
            ]
            left += ["pentimento:active"] if redis.zcard("pentimento:active") else []
        for name in left:
            verdict.add("unbounded", f"{name} is not empty")
        for name in ("api-1", "api-2"):
            status = f"/proc/{self._fleet.members[name].pid}/status"
            with open(status) as lines:
                peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
            if peak > _MEMORY_KB:
                verdict.add("unbounded", f"{name} took {peak // 1024} MB")


def _made(job: Mapping[str, Any]) -> str:
    """The digests of all pictures of a result, in one text."""
    return " ".join(sorted(set(_DIGEST.findall(json.dumps(job["result"])))))
