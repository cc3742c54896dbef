"""Models of the hub on this disk: listing and removing them."""

from dataclasses import dataclass
from pathlib import Path

from hub.errors import HubError


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One revision of a repository on this disk."""

    repository: str
    revision: str
    folder: Path
    nbytes: int


def kept() -> list[Kept]:
    """Everything in the hub's cache that is a model."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir()
    except CacheNotFound:
        return []
    return sorted(
        (
            Kept(
                repository=repository.repo_id,
                revision=revision.commit_hash,
                folder=revision.snapshot_path,
                nbytes=revision.size_on_disk,
            )
            for repository in found.repos
            if repository.repo_type == "model"
            for revision in repository.revisions
        ),
        key=lambda each: (each.repository, each.revision),
    )


def remove(place: str) -> int:
    """Remove a model from this disk, or one revision of it; returns the bytes that this freed.

    Raises:
        HubError: it is not here.
    """
    from huggingface_hub import scan_cache_dir

    repository, _, revision = place.partition("@")
    revisions = [
        each.revision
        for each in kept()
        if each.repository == repository and each.revision.startswith(revision)
    ]
    if not revisions:
        raise HubError(f"{place} is not here; `pentimento models list` shows what is")
    strategy = scan_cache_dir().delete_revisions(*revisions)
    strategy.execute()
    return int(strategy.expected_freed_size)
