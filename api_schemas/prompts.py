"""Two prompts, word by word."""

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from api_schemas.base import Notice, Request, Response
from api_schemas.results import Chosen


class WordChange(StrEnum):
    """What becomes of a word between two prompts."""

    KEPT = "kept"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


class PromptPair(Request):
    """Two prompts to compare, as an edit would."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "a cat on grass", "target": "a dog on tall grass"}]}
    )

    source: str = Field(max_length=2000, description="What the image shows.")
    target: str = Field(max_length=2000, description="What it is to show.")
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model whose words to look for; null takes the one that is served.",
    )


class ComparedWord(Response):
    """A word of one prompt, and what became of it in the other."""

    text: str = Field(description="The word as it is written.")
    start: int = Field(ge=0, description="The character (Unicode code point) at which it begins.")
    stop: int = Field(ge=0, description="The character before which it ends.")
    change: WordChange = Field(
        description="Changed words stand in the place of others; added and removed ones stand alone."
    )
    others: list[int] = Field(
        default_factory=list,
        description="Where in the other prompt's list is the word that it is, or are those in its place.",
    )


class Comparison(Response):
    """How the words of two prompts go together."""

    edit: Literal["replace", "refine"] = Field(
        description="What an edit whose `edit` is `auto` does with these prompts: swap words one for one, or "
        "align them and keep what they share."
    )
    source: list[ComparedWord] = Field(description="The words of the source prompt, in order.")
    target: list[ComparedWord] = Field(description="The words of the target prompt, in order.")
    chosen: Chosen | None = Field(
        default=None, description="What `auto` would choose for an image that is inverted as usual, and why."
    )
    warnings: list[Notice] = Field(
        default_factory=list, description="Words that the model was not taught, with the nearest that it was."
    )
