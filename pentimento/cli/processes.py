"""The commands that run the service itself."""

import os
import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Annotated

import typer

from hub import HubError
from pentimento.cli.models import bring_what_is_missing
from pentimento.cli.output import err, out
from pentimento.home import home
from pentimento.serve import Options, ServeError, embedded_store
from pentimento.serve import serve as run_everything

Host = Annotated[str, typer.Option(envvar="PENTIMENTO_HOST", help="The address to listen on.")]
Port = Annotated[
    int, typer.Option(envvar="PENTIMENTO_PORT", min=0, max=65535, help="The port; 0 takes a free one.")
]
Devices = Annotated[
    str | None,
    typer.Option(envvar="PENTIMENTO_DEVICES", help="Where to compute, by comma: cpu or cuda:0,cuda:1."),
]


def serve(host: Host = "127.0.0.1", port: Port = 8000, devices: Devices = None) -> None:
    """Start the store, a worker, the API and the keeper; prints the URL once they are ready."""
    _need("fastapi", "service")
    _need("torch", "worker")
    options = Options(
        home=home(),
        host=host,
        port=port,
        devices=devices,
        redis_url=os.environ.get("PENTIMENTO_REDIS_URL") or None,
    )
    try:
        bring_what_is_missing(os.environ.get("PENTIMENTO_MODEL") or "miniature")
    except (HubError, ValueError) as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    starting = err.status("starting store, worker, API and keeper")

    def announce(url: str) -> None:
        starting.stop()
        out.print(f"Pentimento is ready at {url}", markup=False)

    try:
        with starting:
            run_everything(options, announce, _tell)
    except ServeError as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(1) from None


def worker(devices: Devices = None) -> None:
    """Run only a worker, on the queue that PENTIMENTO_REDIS_URL names."""
    _need("torch", "worker")
    _become("workers", *(("--devices", devices) if devices else ()))


def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run only the API, on the queue that PENTIMENTO_REDIS_URL names."""
    _need("fastapi", "service")
    _become("service", "--host", host, "--port", str(port))


def keeper() -> None:
    """Run only the keeper: it calls webhooks and removes what has expired; several may run at once."""
    _need("fastapi", "service")
    _become("service.keeper")


def keys(context: typer.Context) -> None:
    """Make, list and revoke API keys."""
    _need("fastapi", "service")
    configured = os.environ.get("PENTIMENTO_REDIS_URL")
    try:
        with nullcontext(configured) if configured else embedded_store(home()) as url:
            command = (sys.executable, "-P", "-m", "service.keys", *context.args)
            ended = subprocess.run(command, env={**os.environ, "PENTIMENTO_REDIS_URL": url}, check=False)
    except ServeError as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(ended.returncode)


def install(app: typer.Typer) -> None:
    """Add these commands to the application."""
    # What comes after `keys` is for the program that knows the store, --help included.
    app.command(
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": [],
        }
    )(keys)
    for command in (serve, worker, api, keeper):
        app.command()(command)


def _tell(remark: str) -> None:
    err.print(remark, markup=False)


def _need(module: str, extra: str) -> None:
    if find_spec(module) is None:
        err.print(f"error: not installed; try: pip install 'pentimento[{extra}]'", style="red", markup=False)
        raise typer.Exit(1)


def _become(module: str, *words: str) -> None:
    os.execv(sys.executable, (sys.executable, "-P", "-m", module, *words))
