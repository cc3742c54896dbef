"""Models brought here from the Hugging Face hub: whole, or what is missing of them."""

import errno
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import HubError
from hub.listing import Wanted, chosen
from hub.naming import ModelName

OnProgress = Callable[[int, int], object]
"""Called with the bytes that are here and those there will be."""

_ID = re.compile(r"[\w.-]+/[\w.-]+")
_MARGIN = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A download: files of one revision of a repository, and the bytes of them that are here already."""

    repository: str
    revision: str
    files: tuple[Wanted, ...]
    here: int

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def places(model: str) -> list[str]:
    """The hub ids, with their revisions after an @, that a model's name speaks of; what lies here is none."""
    name = ModelName.parse(model)
    given = [name.base, *(place for place, _ in name.loras), *name.embeddings]
    if name.vae is not None:
        given.append(name.vae)
    return [place for place in given if _ID.fullmatch(split(place)[0]) and not Path(place).exists()]


def split(place: str) -> tuple[str, str | None]:
    """A hub id and the revision that it is pinned to."""
    repository, _, revision = place.partition("@")
    return repository, revision or None


def here(place: str) -> Path | None:
    """The folder of what was brought here whole, None if it was not."""
    repository, revision = split(place)
    root = _root(repository)
    named = root / "refs" / (revision or "main")
    sha = named.read_text().strip() if named.is_file() else revision
    folder = root / "snapshots" / (sha or "")
    if sha is None or not folder.is_dir():
        return None
    return None if _unfinished(repository, folder.name).is_file() else folder


def wanted(place: str, *, token: str | None = None) -> Pull:
    """The download that a pull would make.

    Raises:
        HubError: it is not there, not for everybody, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    repository, revision = split(place)
    with _in_words(place):
        info = HfApi(token=token).model_info(repository, revision=revision, files_metadata=True)
    found = chosen(Wanted(name=each.rfilename, size=each.size or 0) for each in info.siblings or ())
    if not any(".safetensors" in file.name for file in found):
        raise HubError(f"{repository} has no safetensors; pickles are not read, since they can run code")
    sha = str(info.sha)
    cached = sum(
        file.size
        for file in found
        if isinstance(try_to_load_from_cache(repository, file.name, revision=sha), str)
    )
    return Pull(repository=repository, revision=sha, files=tuple(found), here=cached)


def pull(place: str, *, token: str | None = None, on_progress: OnProgress | None = None) -> Path:
    """Bring a model here, or what is missing of it, and return its folder.

    Raises:
        HubError: it cannot be had; says whether it is absent, gated, out of reach or too large for the disk.
    """
    from huggingface_hub import constants, snapshot_download

    asked = wanted(place, token=token)
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    free, missing = shutil.disk_usage(cache).free, asked.size - asked.here
    if missing + _MARGIN > free:
        raise HubError(
            f"{place} needs {gigabytes(missing)} more and {cache} has {gigabytes(free)} left: make room, or "
            "set HF_HOME to another disk"
        )
    report = on_progress or (lambda done, total: None)
    report(asked.here, asked.size)
    mark = _unfinished(asked.repository, asked.revision)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    with _in_words(place):
        folder = Path(
            snapshot_download(
                asked.repository,
                revision=split(place)[1],
                token=token,
                allow_patterns=[file.name for file in asked.files],
                tqdm_class=_bars(report, asked),
            )
        )
    mark.unlink(missing_ok=True)
    report(asked.size, asked.size)
    return folder


def _root(repository: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def _unfinished(repository: str, revision: str) -> Path:
    """The file that is there while a revision is brought, and where bringing it broke off."""
    return _root(repository) / f".pentimento-unfinished-{revision}"


def gigabytes(size: float) -> str:
    """Bytes as people read them."""
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _bars(report: OnProgress, asked: Pull) -> Any:
    """A class of progress bars that draw nothing and report bytes."""
    from huggingface_hub.utils.tqdm import tqdm

    base: Any = tqdm

    class Silent(base):  # type: ignore[misc]
        def __init__(self, *given: Any, **options: Any) -> None:
            self._bytes = options.get("unit") == "B"
            options["disable"] = True
            super().__init__(*given, **options)

        def update(self, n: float | None = 1) -> bool | None:
            if self._bytes:
                Silent.done += int(n or 0)
                report(min(asked.here + Silent.done, asked.size), asked.size)
            return None

        done = 0

    return Silent


class _in_words:  # noqa: N801
    """The hub's errors as what a person can do about them."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from huggingface_hub import errors

        place = self._place
        match error:
            case None:
                return
            case errors.GatedRepoError():
                reason = (
                    f"{place} is gated: accept its terms at https://huggingface.co/{split(place)[0]} and set "
                    "HF_TOKEN to a token of yours"
                )
            case errors.RevisionNotFoundError():
                reason = f"{split(place)[0]} has no revision {split(place)[1]}"
            case errors.RepositoryNotFoundError():
                reason = f"{place} is not on the hub, or private: if it is private, set HF_TOKEN"
            case errors.HFValidationError():
                reason = f"{place} is no id of the hub, such as stabilityai/sd-turbo"
            case errors.OfflineModeIsEnabled():
                reason = f"{place} is not here, and HF_HUB_OFFLINE forbids to ask the hub"
            case OSError() if error.errno == errno.ENOSPC:
                reason = f"the disk is full: {place} goes on from here once there is room"
            case errors.HfHubHTTPError():
                reason = f"the hub refuses {place}: {' '.join(str(error).split())[:200]}"
            case _ if isinstance(error, OSError) or "httpx" in type(error).__module__:
                endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
                why = " ".join(str(error).split())[:200]
                reason = f"{place} is not here, and {endpoint} cannot be reached: {why}"
            case _:
                return
        raise HubError(reason) from error
