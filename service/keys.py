"""`python -m service.keys`: make, list and revoke API keys."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from time import sleep
from typing import Annotated, Final

import typer
from redis.exceptions import RedisError

import store
from store import ApiKey, Store, check_tenant, replace_webhook_secret, webhook_secrets

app = typer.Typer(
    name="keys",
    help="Make, list and revoke API keys. Once there is one, every request needs one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_POLL_S: Final = 1.0

Tenant = Annotated[str, typer.Option("--tenant", "-t", help="Whose jobs and images are meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for, as the list will show it.")],
    tenant: Tenant = "default",
    rate: Annotated[int | None, typer.Option(min=1, help="How many POSTs a minute it may send.")] = None,
    max_queued: Annotated[
        int | None, typer.Option(min=1, help="How many jobs its tenant may have unended when it posts one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it: the only time that it is shown."""
    key, token = _store(context).apikeys.add(name, tenant=tenant, rate=rate, max_queued=max_queued)
    if as_json:
        typer.echo(_json({**asdict(key), "key": token}))
    else:
        typer.echo(token)
        typer.echo(f"The key of '{key.name}' for the tenant '{key.tenant}', shown only now.", err=True)


@app.command("list")
def list_keys(context: typer.Context, as_json: Json = False) -> None:
    """List the keys, revoked ones included, without what proves them."""
    found = _store(context).apikeys.all()
    if as_json:
        typer.echo(_json([asdict(key) for key in found]))
        return
    rows = [("id", "name", "tenant", "rate", "max queued", "made", "revoked"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key, as the list shows it.")],
) -> None:
    """Let a key open nothing from now on."""
    if not _store(context).apikeys.revoke(key_id):
        raise ValueError(f"there is no key '{key_id}'; `pentimento keys list` shows the ids")
    typer.echo(f"revoked {key_id}")


@app.command()
def wait(context: typer.Context) -> None:
    """End once there is a key: until then an API that listens beyond loopback would not start."""
    store, announced = _store(context), False
    while not store.apikeys.exist():
        if not announced:
            typer.echo("waiting for the first key: `python -m service.keys add NAME` makes it", err=True)
        announced = True
        sleep(_POLL_S)


@app.command()
def forget(context: typer.Context) -> None:
    """Forget revoked keys; when no other is left, the service needs no key, on loopback only."""
    typer.echo(f"forgot {_store(context).apikeys.forget()}")


@app.command("webhook-secret")
def show_webhook_secret(
    context: typer.Context,
    tenant: Tenant = "default",
    replace: Annotated[
        bool, typer.Option("--replace", help="Make a new one; for a day the one before holds too.")
    ] = False,
) -> None:
    """Show the secret by which a tenant verifies the signature of webhooks; made when first asked for."""
    check_tenant(tenant)
    redis = _store(context).redis
    typer.echo(replace_webhook_secret(redis, tenant) if replace else webhook_secrets(redis, tenant)[0])


def _store(context: typer.Context) -> Store:
    opened: Store = context.obj
    return opened


def _json(document: object) -> str:
    return json.dumps(document, default=datetime.isoformat)


def _row(key: ApiKey) -> tuple[str, ...]:
    rate = "" if key.rate is None else f"{key.rate}/min"
    revoked = f"{key.revoked_at.astimezone():%Y-%m-%d %H:%M}" if key.revoked_at else ""
    made = f"{key.created_at.astimezone():%Y-%m-%d %H:%M}"
    return key.id, key.name, key.tenant, rate, str(key.max_queued or ""), made, revoked


def main() -> int:
    """Run the command; errors are one line of text."""
    opened = store.open()
    try:
        app(obj=opened, prog_name="pentimento keys")
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
    except RedisError as error:
        sys.stderr.write(f"error: the store cannot be reached: {error}\n")
    finally:
        opened.close()
    return 1


if __name__ == "__main__":
    sys.exit(main())
