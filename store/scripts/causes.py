"""The errors that the scripts themselves give to jobs, as Lua knows them."""

from typing import Final

from api_schemas import ErrorCode, Problem


def _lua(name: str, code: ErrorCode, detail: str) -> str:
    return f"local {name} = [==[{Problem.of(code, detail).model_dump_json(exclude_none=True)}]==]\n"


CAUSES: Final = (
    _lua("CANCELED", ErrorCode.CANCELED, "the inversion of the image was canceled")
    + _lua("DELETED", ErrorCode.CANCELED, "the image was deleted")
    + _lua("LATE", ErrorCode.DEADLINE_EXCEEDED, "the job had not ended by its deadline")
    + _lua("OLDER", ErrorCode.NOT_FOUND, "an older version accepted this; send the picture to /invert again")
    + _lua("SOURCE_LATE", ErrorCode.DEADLINE_EXCEEDED, "the inversion of the image missed its deadline")
)
