"""Which model a request means."""

from typing import NamedTuple

from api_schemas import ErrorCode, ModelInfo
from service.errors import ServiceError
from store import Store


class Meant(NamedTuple):
    """The model of a request by name, and what its workers last published; None before the first did."""

    name: str
    info: ModelInfo | None


def meant(store: Store, asked: str | None) -> Meant:
    """The model named, else the default one, else the only one that is served; one look at the store.

    What workers published stays known while they are away, so that `auto` then chooses as it does with them.
    Raises ServiceError: unknown_model.
    """
    default, known = store.settings.model_name, store.presence.known()
    served = [name for name, model in known.items() if model.workers]
    if asked is None:
        name = default if default in served or len(served) != 1 else served[0]
        return Meant(name, known.get(name))
    if asked not in served and asked != default:
        there = ", ".join(sorted({default, *served}))
        raise ServiceError(
            ErrorCode.UNKNOWN_MODEL, f"There is no model '{asked}' here; there is: {there}.", value=asked
        )
    return Meant(asked, known.get(asked))
