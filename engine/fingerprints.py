"""Hashes of a model's files, which identify it; computed once for each state of a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time_ns

KEPT = ".pentimento-hashes.json"
"""The file of kept hashes; names that begin so are files being written, or left by a process that died."""
_FINE_NS = 2_000_000_000
"""A file changed so lately may change again without its time showing it; its hash is not kept."""


def of_parts(folder: Path, parts: Sequence[str]) -> str:
    """Hash the names and every byte of the files of some parts of a folder."""
    files = [path for part in sorted(parts) for path in _files(folder / part)]
    found = hashes(folder, files)
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{found[path]}\0".encode())
    return digest.hexdigest()


def of_place(place: Path) -> str:
    """Hash a file, or the names and every byte of all files of a folder."""
    if place.is_file():
        return hashes(place.parent, [place])[place]
    files = _files(place)
    found = hashes(place, files)
    about = "\n".join(f"{path.relative_to(place).as_posix()} {found[path]}" for path in files)
    return hashlib.sha256(about.encode()).hexdigest()


def hashes(folder: Path, files: Sequence[Path]) -> Mapping[Path, str]:
    """The SHA-256 of files in a folder, kept there for as long as their sizes and times of change stay."""
    book = folder / KEPT
    try:
        known = json.loads(book.read_text())
    except (OSError, ValueError):
        known = {}
    known = known if isinstance(known, dict) else {}
    found: dict[Path, str] = {}
    new: dict[str, list[object]] = {}
    for path in files:
        name, state = path.relative_to(folder).as_posix(), path.stat()
        about = [state.st_size, state.st_mtime_ns]
        entry = known.get(name)
        if isinstance(entry, list) and entry[:2] == about and len(entry) == 3:
            found[path] = str(entry[2])
        else:
            with path.open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        if time_ns() - state.st_mtime_ns > _FINE_NS:
            new[name] = [*about, found[path]]
    if any(known.get(name) != entry for name, entry in new.items()):
        _keep(book, {**known, **new})
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(KEPT))


def _keep(book: Path, entries: Mapping[str, object]) -> None:
    """Write it whole, readable to all, or not at all: a folder that is read-only is hashed each time."""
    with suppress(OSError), NamedTemporaryFile("w", dir=book.parent, prefix=KEPT, delete=False) as file:
        new = Path(file.name)
        try:
            json.dump(entries, file, indent=1)
            file.flush()
            new.chmod(0o644)
            new.replace(book)
        finally:
            new.unlink(missing_ok=True)
