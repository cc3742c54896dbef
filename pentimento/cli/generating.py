"""The command that has a picture painted."""

from pathlib import Path
from typing import Annotated

import typer

from pentimento.cli.common import Json, Url, asking
from pentimento.cli.following import finished
from pentimento.cli.output import out, print_json, warn
from pentimento.cli.working import CancelAfter, NoWait
from pentimento.outcomes import Inverted
from pentimento.pictures import save


def generate(
    prompt: Annotated[str, typer.Argument(help="What the picture is to show.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here too: a .png, .jpg or .webp file.")
    ] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What it is not to show.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise that it is painted from.")] = 0,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's size if left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's size if left out.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of the painting and of its edits.")] = 50,
    guidance: Annotated[
        float | None,
        typer.Option("--guidance", "--guidance-scale", help="How strongly the prompt is followed."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model to use.")] = None,
    cancel_after: CancelAfter = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Let the model paint a picture; prints the id by which edits name it."""
    if output is not None and no_wait:
        raise typer.BadParameter("--output: with --no-wait there is no picture yet")
    if output is not None and not output.parent.is_dir():
        raise typer.BadParameter(f"--output: there is no folder {output.parent}")
    with asking(url) as client:
        job = client.generate(
            prompt,
            negative_prompt=negative_prompt,
            seed=seed,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance,
            model=model,
            cancel_after=cancel_after,
        )
        made = None if no_wait else finished(client, job, as_json)
        if no_wait:
            warn(job.warnings)
        if output is not None:
            assert isinstance(made, Inverted)
            save(client.download(made.result.source_url), output)
        if as_json:
            print_json(made.job if made else job.accepted)
        else:
            out.print(job.image_id, markup=False)


def install(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(generate)
