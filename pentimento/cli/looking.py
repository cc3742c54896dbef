"""The commands that look at what there is, and take it away."""

from typing import Annotated

import typer

from api_schemas import Image, Job, JobKind, JobStatus
from pentimento.cli.common import JobArgument, Json, Url, asking
from pentimento.cli.output import (
    facts,
    images_table,
    jobs_table,
    methods_table,
    models_table,
    out,
    parameters_table,
    print_json,
)

Limit = Annotated[int, typer.Option(min=1, help="How many to list at most.")]


def jobs(
    limit: Limit = 20,
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs that stand so.")] = None,
    kind: Annotated[JobKind | None, typer.Option(help="Only these.")] = None,
    image: Annotated[str | None, typer.Option(help="Only jobs on this image.", metavar="IMAGE_ID")] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List the latest jobs."""
    with asking(url) as client:
        found = list(client.jobs(limit, status=status, kind=kind, image_id=image))
        if as_json:
            print_json(found)
        else:
            out.print(jobs_table(found), markup=False)


def images(limit: Limit = 20, as_json: Json = False, url: Url = None) -> None:
    """List the latest images."""
    with asking(url) as client:
        found = list(client.images(limit))
        if as_json:
            print_json(found)
        else:
            out.print(images_table(found), markup=False)


def models(as_json: Json = False, url: Url = None) -> None:
    """List the models that are served now."""
    with asking(url) as client:
        found = client.models()
        if as_json:
            print_json(found)
        else:
            out.print(models_table(found), markup=False)


def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A method, to see its parameters.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
) -> None:
    """List the ways to invert and to edit, or show what can be set about one."""
    with asking(url) as client:
        known = client.methods()
        found = known if name is None else [method for method in known if method.name == name]
        if not found:
            raise ValueError(f"there is no method {name}; there is: {', '.join(each.name for each in known)}")
        if as_json:
            print_json(found)
        else:
            out.print(methods_table(found) if name is None else parameters_table(found[0]), markup=False)


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="A job or an image.")],
    as_json: Json = False,
    url: Url = None,
) -> None:
    """Show all about a job or an image."""
    with asking(url) as client:
        found: Job | Image = client.image(name) if name.startswith("img_") else client.job(name)
        if as_json:
            print_json(found)
        else:
            out.print(facts(found), markup=False)


def cancel(job_id: JobArgument, as_json: Json = False, url: Url = None) -> None:
    """Cancel a job."""
    with asking(url) as client:
        job = client.cancel(job_id)
        if as_json:
            print_json(job)
        else:
            out.print("canceled" if job.status is JobStatus.CANCELED else "stopping", markup=False)


def delete(
    image_ids: Annotated[list[str], typer.Argument(metavar="IMAGE_ID...", help="The images.")],
    url: Url = None,
) -> None:
    """Remove images and everything that was made from them."""
    with asking(url) as client:
        for image_id in image_ids:
            client.delete(image_id)
            out.print(f"deleted {image_id}", markup=False)


def install(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (jobs, images, methods, show, cancel, delete):
        app.command()(command)
