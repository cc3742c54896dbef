"""The application: routes, errors and the store, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig

import store
from service import auth, errors, openapi
from service.conversions import Conversions
from service.following import Follower
from service.metrics import Metrics
from service.origins import Origins
from service.prefix import Prefix
from service.pulse import Pulse
from service.request_log import PROBES, Watch
from service.routes import OPEN_ROUTERS, ROUTERS, StudioFiles
from service.security import JSON_BYTES, Edge
from service.settings import ServiceSettings
from service.spooling import InFlight
from store import Store

_DESCRIPTION = (
    "Edits real images by text. POST an image to /invert, POST target prompts to /edit, follow the jobs at "
    "/jobs. Every error is problem+json; branch on its `code`."
)

_HANG_S = 2.0  # less than the 5 s in which every request is answered while the store hangs

# The framework traces requests where `store.tracing` has configured an exporter; metrics and logs are ours.
_SPANS: TelemetryConfig = {
    "auto_configure": False,
    "operation_spans": False,
    "metrics": False,
    "logs": False,
    "exclude": lambda scope: scope.get("path") in PROBES,
}


def create_app(opened: Store | None = None, settings: ServiceSettings | None = None) -> FastAPI:
    """The ASGI application on this store, else on the one that the environment names.

    Raises RemoteRefused if the settings name an address beyond loopback, there are no keys, and the settings
    do not allow it all the same.
    """
    settings = settings or ServiceSettings()
    opened = opened or store.open(hang_s=_HANG_S)
    if settings.key_needed and not opened.apikeys.exist():
        raise settings.refusal()

    events = opened.async_events()
    stopping = asyncio.Event()
    pulse = Pulse(events)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        asking = asyncio.create_task(pulse.run())
        yield
        asking.cancel()
        await events.close()
        opened.close()

    app = FastAPI(
        title="Pentimento",
        version=_version(),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_SPANS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.store = opened
    app.state.settings = settings
    app.state.stopping = stopping
    app.state.follower = Follower(events, stopping)
    app.state.draining = asyncio.Event()
    app.state.metrics = Metrics(opened)
    app.state.conversions = Conversions()
    app.state.in_flight = InFlight(settings.upload_bytes)
    app.state.pulse = pulse
    app.state.gate = auth.Gate(opened, settings, pulse)
    for router in OPEN_ROUTERS:
        app.include_router(router, max_body_size=JSON_BYTES)
    for router in ROUTERS:
        app.include_router(
            router, max_body_size=JSON_BYTES, dependencies=auth.REQUIRED, responses=auth.RESPONSES
        )
    app.mount("/studio", StudioFiles())
    errors.install(app)
    openapi.complete(app, settings.path_prefix)
    origins = Origins.of(settings)
    if origins.pages:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins.pages,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Location", "Retry-After", "ETag", "X-Request-ID", "Idempotent-Replayed"],
            max_age=600,
        )
    app.add_middleware(Edge, origins=origins)
    app.add_middleware(Watch, metrics=app.state.metrics)
    if settings.path_prefix:
        app.add_middleware(Prefix, prefix=settings.path_prefix)
    return app


def _version() -> str:
    try:
        return version("pentimento")
    except PackageNotFoundError:
        return "0"
