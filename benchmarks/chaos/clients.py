"""Clients that ask until they are answered, each request under a key of its own."""

import io
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

import httpx2
from PIL import Image, ImageDraw

_STEPS = 4
_PICTURES = 4
_PROMPT = "a cat on grass"
_TARGETS = ("a dog on grass", "a fox on grass", "a cat on sand", "a watercolour of a cat on grass")
_PATIENCE_S = 180.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One edit: of which picture, into what."""

    picture: int
    target: str


@dataclass
class Book:
    """What the clients were promised: by key the job, by job the wish."""

    jobs: dict[str, set[str]] = field(default_factory=dict)
    wishes: dict[str, Wish] = field(default_factory=dict)
    inversions: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    def note(self, key: str, job_id: str) -> None:
        """An answer to the request under this key."""
        self.jobs.setdefault(key, set()).add(job_id)


class Clients:
    """Ask both APIs in turn, and again under the same key whenever there is no answer or a temporary one."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self._urls, self._random = urls, Random(seed)
        self.book = Book()
        self._images: dict[int, str] = {}

    def wishes(self, count: int) -> list[Wish]:
        """So many wishes, of a few that differ."""
        return self._random.choices(self.every(), k=count)

    @staticmethod
    def every() -> list[Wish]:
        """Every wish that there can be."""
        return [Wish(picture=picture, target=target) for picture in range(_PICTURES) for target in _TARGETS]

    def run(self, wishes: Sequence[Wish], clients: int, name: str, over_s: float = 0.0) -> None:
        """Invert the pictures and ask for every wish, evenly over `over_s`; returns once all are accepted.

        Raises RuntimeError for an answer that is not to be expected, TimeoutError if there is none for long.
        """
        for picture in range(_PICTURES):
            self._invert(picture, name)
        began, pause = time.monotonic(), over_s / len(wishes)

        def edit(number: int) -> None:
            time.sleep(max(0.0, began + number * pause - time.monotonic()))
            self._edit(wishes[number], f"{name}-{number}")

        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(edit, range(len(wishes))))

    def _invert(self, picture: int, name: str) -> None:
        data = {"prompt": _PROMPT, "steps": str(_STEPS)}
        key = f"{name}-picture-{picture}"
        answer = self._post("/invert", key, files={"image": _picture(picture)}, data=data)
        self._images[picture] = answer["image_id"]
        self.book.inversions.add(answer["job_id"])

    def _edit(self, wish: Wish, key: str) -> None:
        body = {"image_id": self._images[wish.picture], "prompt": wish.target}
        answer = self._post("/edit", key, json=body)
        self.book.wishes[answer["job_id"]] = wish

    def _post(self, path: str, key: str, **body: object) -> dict[str, str]:
        deadline = time.monotonic() + _PATIENCE_S
        tries = 0
        while True:
            url = self._urls[(hash(key) + tries) % len(self._urls)]
            tries += 1
            pause = 0.5
            try:
                answer = httpx2.post(f"{url}{path}", headers={"Idempotency-Key": key}, timeout=15, **body)  # type: ignore[arg-type]
                self.book.answers[str(answer.status_code)] += 1
                if answer.status_code == 202:
                    found: dict[str, str] = answer.json()
                    self.book.note(key, found["job_id"])
                    return found
                if answer.status_code not in (408, 409, 429, 503):
                    raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")
                pause = min(5.0, float(answer.headers.get("retry-after", pause)))
            except httpx2.HTTPError as error:
                self.book.answers[type(error).__name__] += 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer to {path} under {key}")
            time.sleep(pause)


def _picture(number: int) -> bytes:
    """Something round on a lawn; each number another one."""
    picture, buffer = Image.new("RGB", (64, 64), "green"), io.BytesIO()
    ImageDraw.Draw(picture).ellipse((10 + 4 * number, 15, 45 + 4 * number, 50), fill="orange")
    picture.save(buffer, "PNG")
    return buffer.getvalue()
