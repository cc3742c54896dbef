"""The command line: the commands of each module, put together."""

import typer

from pentimento.cli import features, generating, looking, processes, working

app = typer.Typer(
    name="pentimento",
    help="Edit real images by text.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for part in (working, generating, features, looking, processes):
    part.install(app)
