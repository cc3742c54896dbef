"""The command that shows what layers of the denoiser see in a picture."""

from pathlib import Path
from typing import Annotated

import typer

from api_schemas import FeaturePicture
from parameters import PlugAndPlay
from pentimento.cli.common import Json, Url, asking
from pentimento.cli.following import finished
from pentimento.cli.output import out, print_json
from pentimento.client import Client
from pentimento.outcomes import Edited


def features(
    image_id: Annotated[str, typer.Argument(help="What `pentimento invert` printed.")],
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="[PROMPT...]", help="Edits to look into beside the source.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write to.", exists=True, file_okay=False)
    ] = Path(),
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Draw the principal components of decoder features and self-attention; prints the files' paths.

    Without a PROMPT the picture is edited to show what it shows. Equal colours are equal features.
    """
    with asking(url) as client:
        asked = prompts or [client.image(image_id).prompt]
        job = client.edit(image_id, asked, params=PlugAndPlay(features=True))
        made = finished(client, job, as_json)
        assert isinstance(made, Edited)
        files = [file for each in made.result.features or () for file in _save(client, each, output)]
        if as_json:
            print_json({**made.job.model_dump(mode="json"), "files": [str(file) for file in files]})
        else:
            for file in files:
                out.print(str(file), markup=False)


def install(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(features)


def _save(client: Client, picture: FeaturePicture, folder: Path) -> list[Path]:
    named = {"source": picture.source_url} | {str(at): url for at, url in enumerate(picture.urls, 1)}
    made: list[Path] = []
    for whose, url in named.items():
        if url is not None:
            made.append(folder / f"step-{picture.step}-{picture.layer}-{whose}.png")
            made[-1].write_bytes(client.download(url))
    return made
