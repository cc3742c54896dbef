"""Which model a request means."""

from typing import NamedTuple

from api_schemas import ErrorCode, ModelInfo
from service.errors import ServiceError
from store import Store


class Meant(NamedTuple):
    """The model of a request by name, and what its live workers publish; None while none serves it."""

    name: str
    info: ModelInfo | None


def meant(store: Store, asked: str | None) -> Meant:
    """The model named, else the default one, else the only one that is served; one look at the store.

    Raises ServiceError: unknown_model.
    """
    default = store.settings.model_name
    served = {model.name: model for model in store.presence.models()}
    if asked is None:
        name = default if default in served or len(served) != 1 else next(iter(served))
        return Meant(name, served.get(name))
    if asked not in served and asked != default:
        there = ", ".join(sorted({default, *served}))
        raise ServiceError(
            ErrorCode.UNKNOWN_MODEL, f"There is no model '{asked}' here; there is: {there}.", value=asked
        )
    return Meant(asked, served.get(asked))
