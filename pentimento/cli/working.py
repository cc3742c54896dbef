"""The commands that have work done: invert and edit."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api_schemas import IMAGE_ID, JOB_ID, Accepted, EditedImage, OutputFormat, Resolution
from parameters import EDITS, for_pictures
from pentimento.cli import values
from pentimento.cli.common import Json, Url, asking
from pentimento.cli.following import finished
from pentimento.cli.options import with_parameters
from pentimento.cli.output import out, print_json, tell_chosen, warn
from pentimento.client import Client
from pentimento.outcomes import Edited
from pictures import ACCEPTED, Fit

NoWait = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the job is accepted.")]
Param = Annotated[list[str] | None, typer.Option("--param", help="Any parameter of the method: KEY=JSON.")]
Preset = Annotated[
    str | None, typer.Option(help="'published': the settings of the method's paper where none are given.")
]
CancelAfter = Annotated[
    str | None, typer.Option(help="Give the job up unless it has ended by then: 90s, 5m, 1h30m.")
]

_RESULT = "/images/"
_FORMATS = {
    ".png": OutputFormat.PNG,
    ".jpg": OutputFormat.JPEG,
    ".jpeg": OutputFormat.JPEG,
    ".webp": OutputFormat.WEBP,
}


@with_parameters(for_pictures())
def invert(
    *,
    image: Annotated[Path, typer.Argument(help=f"The picture: {ACCEPTED}.", exists=True, dir_okay=False)],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the image shows.")],
    method: Annotated[str | None, typer.Option(help="How it is inverted.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the inversion and of its edits.")] = None,
    preset: Preset = None,
    model: Annotated[str | None, typer.Option(help="The model to use.")] = None,
    fit: Annotated[
        Fit | None, typer.Option(help="What to do with a picture that is longer than 2:1.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Invert only this part, for edits with the same --region."),
    ] = None,
    params: dict[str, Any],
    param: Param = None,
    cancel_after: CancelAfter = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Prepare an image for editing; prints the id by which edits name it."""
    params = {**params, **values.extra_params(param or ())}
    with asking(url) as client:
        job = client.invert(
            *(image, prompt),
            method=method,
            steps=steps,
            preset=preset,
            model=model,
            fit=fit,
            region=values.region(region),
            params=params or None,
            cancel_after=cancel_after,
        )
        made = None if no_wait else finished(client, job, as_json)
        if no_wait:
            warn(job.warnings)
        if as_json:
            print_json(made.job if made else job.accepted)
        else:
            out.print(job.image_id, markup=False)


@with_parameters(EDITS)
def edit(
    *,
    image: Annotated[
        str,
        typer.Argument(
            help="What `pentimento invert` printed; with --from a picture, - for stdin; or the job of an "
            "edit or the path of a result, to edit that further."
        ),
    ],
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT...", help="What the image is to show.")],
    source_prompt: Annotated[
        str | None,
        typer.Option("--from", help="What the picture shows, which is sent along with its edit."),
    ] = None,
    number: Annotated[
        int,
        typer.Option("--picture", min=1, max=8, help="Of a job with several pictures: which one."),
    ] = 1,
    model: Annotated[str | None, typer.Option(help="With --from: the model to use.")] = None,
    fit: Annotated[
        Fit | None, typer.Option(help="With --from: what to do with a picture that is longer than 2:1.")
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write it: a .png, .jpg or .webp file; - is stdout."),
    ] = Path("edited.png"),
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of a .jpg or .webp file.")] = None,
    resolution: Annotated[
        Resolution | None,
        typer.Option(help="The image's own size (usual where the change is confined) or the model's."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H|auto",
            help="Edit only this part, in pixels of the image, at the model's full size: for small things in "
            "large pictures; auto finds what changes.",
        ),
    ] = None,
    method: Annotated[str | None, typer.Option(help="How the image is edited.")] = None,
    inversion: Annotated[
        list[str] | None,
        typer.Option(
            help="What is to be different from the image's own inversion: method=ddim, steps=30.",
            metavar="KEY=JSON",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="A picture, white where the image may change.", exists=True, dir_okay=False),
    ] = None,
    attention: Annotated[
        Path | None,
        typer.Option(help="Write pictures of where each word attends here.", exists=True, file_okay=False),
    ] = None,
    preset: Preset = None,
    guidance: Annotated[
        float | None,
        typer.Option("--guidance", "--guidance-scale", help="How strongly the prompt is followed."),
    ] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What the image is not to show.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of what is random about the method.")] = None,
    params: dict[str, Any],
    param: Param = None,
    cancel_after: CancelAfter = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Edit an image by one or several prompts and write the pictures; prints their paths.

    Several prompts share the work; their pictures are numbered: dog-1.png, dog-2.png.
    """
    if attention is not None:
        params = {**params, "attention": True}
    params = {**params, **values.extra_params(param or ())}
    to_stdout = output == Path("-")
    if to_stdout and (no_wait or as_json or len(prompts) > 1):
        raise typer.BadParameter("--output: stdout takes one picture, and neither --json nor --no-wait")
    if not output.parent.is_dir():
        raise typer.BadParameter(f"--output: there is no folder {output.parent}")
    if not to_stdout and output.suffix.lower() not in _FORMATS:
        raise typer.BadParameter(f"--output: '{output.name}' does not end in {', '.join(_FORMATS)}")
    choice = values.extra_params(inversion or (), "--inversion")
    of_a_result = image.startswith(_RESULT) or re.fullmatch(JOB_ID, image) is not None
    if of_a_result and source_prompt is not None:
        choice, source_prompt = {**choice, "prompt": source_prompt}, None
    given = image if of_a_result else _given(image, source_prompt)
    of_a_picture = {"source_prompt": source_prompt, "model": model, "fit": fit}
    with asking(url) as client:
        job = client.edit(
            _made_by(client, image, number) if re.fullmatch(JOB_ID, image) else given,
            prompts[0] if len(prompts) == 1 else prompts,
            **{name: value for name, value in of_a_picture.items() if value is not None},
            method=method,
            inversion=choice or None,
            params=params or None,
            preset=preset,
            guidance_scale=guidance,
            negative_prompt=negative_prompt,
            seed=seed,
            mask=mask,
            output_format=_FORMATS.get(output.suffix.lower()),
            quality=quality,
            resolution=resolution,
            region=values.region(region),
            cancel_after=cancel_after,
        )
        tell_chosen(job.chosen)
        if no_wait:
            warn(job.warnings)
            _tell(job.accepted, as_json)
            return
        made = finished(client, job, as_json)
        assert isinstance(made, Edited)
        if to_stdout:
            sys.stdout.buffer.write(made.files[0])
            return
        files = made.save(output)
        for file, picture in zip(files, made.result.images, strict=True):
            if attention is not None:
                _save_attention(client, picture, attention, file.stem)
        if as_json:
            print_json({**made.job.model_dump(mode="json"), "files": [str(file) for file in files]})
        else:
            for file in files:
                out.print(str(file), markup=False)


def install(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (invert, edit):
        app.command()(command)


def _made_by(client: Client, job_id: str, number: int) -> str:
    """The path of a picture that an edit made, once that has ended."""
    done = client.wait(job_id)
    if not isinstance(done, Edited):
        raise ValueError(f"the job {job_id} was no edit, and made no picture")
    result = done.result
    if number > len(result.images):
        raise ValueError(f"--picture {number}: the job {job_id} made {len(result.images)} pictures")
    made = result.images[number - 1]
    return made.full_url or made.url


def _given(image: str, source_prompt: str | None) -> str | bytes:
    """The id of an image, or a picture's file."""
    if re.fullmatch(IMAGE_ID, image):
        if source_prompt is not None:
            raise typer.BadParameter("--from is for a picture; what an image of the service shows is known")
        return image
    if source_prompt is None:
        raise typer.BadParameter(f"'{image}' is no image id; for a picture say with --from what it shows")
    if image == "-":
        return sys.stdin.buffer.read()
    if not Path(image).is_file():
        raise typer.BadParameter(f"there is no file '{image}'")
    return Path(image).read_bytes()


def _save_attention(client: Client, made: EditedImage, folder: Path, name: str) -> None:
    for each in made.attention or ():
        word = re.sub(r"\W", "-", each.word)
        found = {
            f"source-{word}": each.source_url,
            f"{name}-{word}": each.url,
            f"source-{word}-steps": each.source_steps_url,
            f"{name}-{word}-steps": each.steps_url,
        }
        for stem, url in found.items():
            if url is not None:
                (folder / f"{stem}.png").write_bytes(client.download(url))


def _tell(accepted: Accepted, as_json: bool) -> None:
    if as_json:
        print_json(accepted)
    else:
        out.print(accepted.job_id, markup=False)
