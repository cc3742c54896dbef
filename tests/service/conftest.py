import io
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import ServiceSettings
from store import Store


@pytest.fixture
def http(shared: Store) -> Iterator[TestClient]:
    """The API on an empty store, without any worker: jobs stay queued."""
    with TestClient(create_app(shared, ServiceSettings()), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def png() -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.effect_noise((40, 32), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
