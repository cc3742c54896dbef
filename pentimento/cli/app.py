"""The command line: the commands of each module, put together."""

from typing import Annotated

import typer

from pentimento.cli import features, generating, looking, models, processes, working
from pentimento.cli.output import out
from pentimento.cli.plain import PlainGroup

app = typer.Typer(
    name="pentimento",
    help="Edit real images by text.",
    cls=PlainGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for part in (working, generating, features, looking, models, processes):
    part.install(app)


def _version(wanted: bool) -> None:
    if wanted:
        from pentimento import __version__

        out.print(f"pentimento {__version__}", markup=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Edit real images by text."""
