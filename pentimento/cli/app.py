"""The command line, built on the client."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api_schemas import Accepted, EditedImage, EditResult, Job, JobStatus
from pentimento.cli import processes, values
from pentimento.cli.output import err, jobs_table, out, print_json, progress_bar
from pentimento.client import Client
from pentimento.errors import JobFailed, PentimentoError

app = typer.Typer(
    name="pentimento",
    help="Edit real images by text.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Url = Annotated[
    str | None, typer.Option("--url", envvar="PENTIMENTO_URL", help="Where the service is.", show_envvar=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the job is accepted.")]
Param = Annotated[list[str] | None, typer.Option("--param", help="Any parameter of the method: KEY=JSON.")]


@contextmanager
def _client(url: str | None) -> Iterator[Client]:
    try:
        with Client(url) as client:
            yield client
    except (PentimentoError, OSError) as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(1) from None


@app.command()
def invert(
    image: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP file.", exists=True, dir_okay=False)],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the image shows.")],
    method: Annotated[str | None, typer.Option(help="How it is inverted.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the inversion and of its edits.")] = None,
    model: Annotated[str | None, typer.Option(help="The model to use.")] = None,
    param: Param = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Prepare an image for editing; prints the id by which edits name it."""
    with _client(url) as client:
        params = values.extra_params(param or ()) or None
        accepted = client.invert(image, prompt=prompt, method=method, steps=steps, params=params, model=model)
        job = None if no_wait else _follow(client, accepted, as_json)
        if as_json:
            print_json(job or accepted)
        else:
            out.print(accepted.image_id, markup=False)


@app.command()
def edit(
    image_id: Annotated[str, typer.Argument(help="What `pentimento invert` printed.")],
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT...", help="What the image is to show.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the PNG.")] = Path(
        "edited.png"
    ),
    tau_c: Annotated[
        list[str] | None,
        typer.Option(help="How long the source's cross-attention is kept: 0.4, or for one word dog=0:0.3."),
    ] = None,
    tau_s: Annotated[
        str | None, typer.Option(help="How long the source's self-attention is kept: 0.6 or 0.1:0.6.")
    ] = None,
    tau_v: Annotated[
        str | None, typer.Option(help="How long values are bent as a stylediffusion inversion learned.")
    ] = None,
    tau_u: Annotated[
        str | None, typer.Option(help="p2plus: how long the unconditional branch keeps self-attention.")
    ] = None,
    value_prompt: Annotated[
        str | None, typer.Option(help="What the picture is to look like, if not like PROMPT.")
    ] = None,
    reweight: Annotated[list[str] | None, typer.Option(help="Attention to a word: grass=2.")] = None,
    blend: Annotated[
        list[str] | None, typer.Option(help="Change only where this word is; 'changed' finds the words.")
    ] = None,
    subtract: Annotated[list[str] | None, typer.Option(help="Keep the picture where this word is.")] = None,
    method: Annotated[str | None, typer.Option(help="How the image is edited.")] = None,
    attention: Annotated[
        Path | None,
        typer.Option(help="Write pictures of where each word attends here.", exists=True, file_okay=False),
    ] = None,
    guidance: Annotated[float | None, typer.Option(help="How strongly the prompt is followed.")] = None,
    param: Param = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Edit an image by one or several prompts and write the pictures; prints their paths.

    Several prompts share the work; their pictures are numbered: dog-1.png, dog-2.png.
    """
    params = values.build_params(
        tau_c=tau_c or (),
        tau_s=tau_s,
        tau_v=tau_v,
        tau_u=tau_u,
        value_prompt=value_prompt,
        attention=attention is not None,
        reweight=reweight or (),
        blend=blend or (),
        subtract=subtract or (),
        param=param or (),
    )
    if not output.parent.is_dir():
        raise typer.BadParameter(f"--output: there is no folder {output.parent}")
    with _client(url) as client:
        target = prompts[0] if len(prompts) == 1 else prompts
        accepted = client.edit(
            image_id, target, method=method, params=params or None, guidance_scale=guidance
        )
        if no_wait:
            _tell(accepted, as_json)
            return
        job = _follow(client, accepted, as_json)
        assert isinstance(job.result, EditResult)
        files = [_numbered(output, at, len(prompts)) for at in range(len(prompts))]
        for file, made in zip(files, job.result.images, strict=True):
            file.write_bytes(client.download(made.url))
            if attention is not None:
                _save_attention(client, made, attention, file.stem)
        if as_json:
            print_json({**job.model_dump(mode="json"), "files": [str(file) for file in files]})
        else:
            for file in files:
                out.print(str(file), markup=False)


@app.command()
def jobs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many to list at most.")] = 20,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List the latest jobs."""
    with _client(url) as client:
        found = client.jobs(limit)
        if as_json:
            print_json(found)
        else:
            out.print(jobs_table(found), markup=False)


@app.command()
def cancel(
    job_id: Annotated[str, typer.Argument(help="The job.")], as_json: Json = False, url: Url = None
) -> None:
    """Cancel a job."""
    with _client(url) as client:
        job = client.cancel(job_id)
        if as_json:
            print_json(job)
        else:
            out.print("canceled" if job.status is JobStatus.CANCELED else "stopping", markup=False)


def _follow(client: Client, accepted: Accepted, quiet: bool) -> Job:
    try:
        with progress_bar(quiet) as update:
            return client.wait(accepted.job_id, on_update=update)
    except KeyboardInterrupt:
        err.print(f"the job goes on; stop it with: pentimento cancel {accepted.job_id}", markup=False)
        raise typer.Exit(130) from None
    except JobFailed as failed:
        if quiet:
            print_json(failed.job)
        raise


def _save_attention(client: Client, made: EditedImage, folder: Path, name: str) -> None:
    for each in made.attention or ():
        word = re.sub(r"\W", "-", each.word)
        for whose, url in (("source", each.source_url), (name, each.url)):
            if url is not None:
                (folder / f"{whose}-{word}.png").write_bytes(client.download(url))


def _tell(accepted: Accepted, as_json: bool) -> None:
    if as_json:
        print_json(accepted)
    else:
        out.print(accepted.job_id, markup=False)


def _numbered(output: Path, index: int, count: int) -> Path:
    return output if count == 1 else output.with_stem(f"{output.stem}-{index + 1}")


processes.install(app)
