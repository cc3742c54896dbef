"""The commands that look after models on this machine."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import hub
from pentimento.cli import looking
from pentimento.cli.common import Json, Url
from pentimento.cli.output import err, out
from pentimento.cli.plain import PlainGroup

Place = Annotated[
    str, typer.Argument(metavar="ID", help="A hub id such as stabilityai/sd-turbo; @ pins a revision.")
]
Token = Annotated[
    str | None, typer.Option(envvar="HF_TOKEN", help="A token of the hub, for gated and private models.")
]

commands = typer.Typer(cls=PlainGroup, invoke_without_command=True)


@commands.callback()
def served(context: typer.Context, as_json: Json = False, url: Url = None) -> None:
    """List the models that are served now; with a COMMAND, look after those on this machine."""
    if context.invoked_subcommand is None:
        looking.models(as_json, url)


@commands.command()
def pull(place: Place, token: Token = None) -> None:
    """Bring a model here, or what is missing of it."""
    with _in_words():
        folder = bring(place, token)
    out.print(str(folder), markup=False, soft_wrap=True)


@commands.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models that are here."""
    with _in_words():
        found = [
            _facts(each.folder) | {"id": each.repository, "revision": each.revision, "bytes": each.nbytes}
            for each in hub.kept()
        ]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    table = Table("id", "revision", "what", "size", box=None)
    for each in found:
        table.add_row(each["id"], each["revision"][:12], each["kind"] or "", hub.gigabytes(each["bytes"]))
    out.print(table, markup=False) if found else out.print("no models are here", markup=False)


@commands.command()
def show(place: Place, as_json: Json = False, token: Token = None) -> None:
    """Show what a model is: here, or what a pull would bring."""
    with _in_words():
        folder = hub.here(place)
        if folder is not None:
            kept = next((each for each in hub.kept() if each.folder == folder), None)
            found: dict[str, Any] = {"id": place, "here": str(folder), **_facts(folder)}
            found["revision"] = kept.revision if kept else folder.name
            found["bytes"] = kept.nbytes if kept else None
        else:
            asked = hub.wanted(place, token=token)
            found = {"id": place, "here": None, "revision": asked.revision, "bytes": asked.size}
            found["files"] = [file.name for file in asked.files]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in found.items():
        shown = hub.gigabytes(value) if name == "bytes" and value else value
        if shown is not None:
            text = ", ".join(shown) if isinstance(shown, list) else shown
            out.print(f"{name}: {text}", markup=False, soft_wrap=True)


@commands.command()
def remove(place: Place) -> None:
    """Remove a model from this machine."""
    with _in_words():
        out.print(f"removed {place}, {hub.gigabytes(hub.remove(place))}", markup=False)


def bring(place: str, token: str | None = None) -> Path:
    """Pull a model under a progress bar; says how large it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(place, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return hub.pull(place, token=token, on_progress=show)


def bring_what_is_missing(model: str) -> None:
    """Pull what a model's name speaks of and is not here; raises HubError."""
    for place in hub.places(model):
        if hub.here(place) is None:
            asked = hub.wanted(place, token=os.environ.get("HF_TOKEN"))
            missing, size = hub.gigabytes(asked.size - asked.here), hub.gigabytes(asked.size)
            err.print(f"{place} is not here yet: bringing {missing} of {size}", markup=False)
            bring(place, os.environ.get("HF_TOKEN"))


def install(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="models")


def _facts(folder: Path) -> dict[str, Any]:
    try:
        kind = json.loads((folder / "model_index.json").read_text()).get("_class_name")
    except (OSError, ValueError, AttributeError):
        kind = None
    return {"kind": kind, "licence": hub.licence_of(folder)}


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except ImportError:
        err.print("error: not installed; try: pip install 'pentimento[worker]'", style="red", markup=False)
        raise typer.Exit(1) from None
    except (hub.HubError, ValueError) as error:
        err.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
