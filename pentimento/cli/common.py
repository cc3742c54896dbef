"""What the commands that ask the service have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pentimento.cli.output import err
from pentimento.client import Client
from pentimento.errors import ApiError, PentimentoError

Url = Annotated[
    str | None, typer.Option("--url", envvar="PENTIMENTO_URL", help="Where the service is.", show_envvar=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job.")]


@contextmanager
def asking(url: str | None) -> Iterator[Client]:
    """A client; whatever goes wrong is one line of text, and the command exits with 1."""
    try:
        with Client(url) as client:
            yield client
    except ApiError as error:
        hint = "; set PENTIMENTO_API_KEY to a key of yours" if error.problem.status == 401 else ""
        _fail(f"{error}{hint}")
    except (PentimentoError, OSError, ValueError) as error:
        _fail(str(error))


def _fail(reason: str) -> None:
    err.print(f"error: {reason}", style="red", markup=False)
    raise typer.Exit(1) from None
