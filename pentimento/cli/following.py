"""Waiting for a job in front of a terminal, where Ctrl-C is a question."""

import sys
from typing import TypeVar

import typer

from pentimento.cli.output import err, print_json, warn
from pentimento.client import Client, Edit, Inversion
from pentimento.errors import JobFailed, PentimentoError
from pentimento.outcomes import Edited, Inverted

Outcome = TypeVar("Outcome", Inverted, Edited)

_INTERRUPTED = 130


def finished(client: Client, job: Inversion | Edit, as_json: bool) -> Inverted | Edited:
    """What the job made; shows a bar meanwhile, and warnings as soon as they are known.

    A job that fails is printed if JSON is asked for.

    Ctrl-C asks once whether the job is to be canceled too, and ends the command.
    """
    warn(job.warnings)
    try:
        made = client.wait(job, progress=not as_json)
        warn(warning for warning in made.warnings if warning not in job.warnings)
        return made
    except KeyboardInterrupt:
        _interrupted(client, job.job_id)
        raise typer.Exit(_INTERRUPTED) from None
    except JobFailed as failed:
        if as_json:
            print_json(failed.job)
        raise


def _interrupted(client: Client, job_id: str) -> None:
    if sys.stdin.isatty():
        try:
            if typer.confirm("\ncancel the job?", err=True):
                client.cancel(job_id)
                err.print("canceled", markup=False)
                return
        except typer.Abort:
            err.print()
        except PentimentoError as error:
            err.print(f"not canceled: {error}", style="red", markup=False)
            return
    err.print(f"the job goes on; stop it with: pentimento cancel {job_id}", markup=False)
