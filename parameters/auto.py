"""`auto`: the inversion, the method and the mask that suit what changed between two prompts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

import prompts
from parameters.base import EditParameters
from parameters.demands import Demand, lacking, unmet
from parameters.edits import P2P, Plain
from parameters.errors import InvalidParameter, PromptsDoNotAlign
from parameters.fields import GuidanceScale
from parameters.inversions import Aligned, EditFriendly
from parameters.registry import EDITS, INVERSIONS, find
from parameters.rules import check_guided, compatible, demands
from parameters.values import build
from prompts import GRAMMAR, Change, Kind, Lexicon

AUTO: Final = "auto"
USUAL: Final = Aligned.name
"""The inversion of images that are not to be inverted otherwise."""


class Auto(EditParameters):
    """What suits the change between the prompts: a swap, a colour, a background, a style, more or less."""

    name = AUTO


class Recipe(BaseModel):
    """A way to make edits of one kind; None leaves a choice at the image's, the model's or the paper's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inversion: str | None = Field(
        default=None, description="How the image is to be inverted; null takes the usual inversion."
    )
    inversion_params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the inversion.")
    method: str = Field(description="How it is edited.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the method.")
    guidance_scale: GuidanceScale | None = Field(
        default=None, description="How strongly the prompt is followed; null takes the model's."
    )
    mask: Literal["changed", "about", "kept"] | None = Field(
        default=None,
        description="Where the picture may change: where the words that differ attend ('changed'), where the "
        "things attend that the change is about ('about'), or where the things do not that stay ('kept').",
    )
    paint: Literal["ground"] | None = Field(
        default=None,
        description="'ground' paints the background alone under the mask where things are removed; null "
        "paints the target prompt.",
    )
    because: str = Field(default="", description="What this was chosen for, in a sentence.")

    def check(self) -> None:
        """Refuse what no edit could be made with.

        Raises:
            UnknownMethod, InvalidParameter, Incompatible: as their names say.
        """
        edit, inversion = find(EDITS, self.method), find(INVERSIONS, self.inversion or USUAL)
        build(edit, self.params)
        build(inversion, self.inversion_params)
        compatible(edit, inversion)
        check_guided(edit, self.guidance_scale, None)
        if self.paint is not None and "inside_prompt" not in edit.model_fields:
            raise InvalidParameter("paint", self.paint, f"null, since {edit.name} has no inside_prompt")


Table = Annotated[dict[str, Recipe], Field(description="By kind of change, how edits of that kind are made.")]

RULE: Final[Mapping[str, Recipe]] = {
    Kind.SWAP: Recipe(
        method=P2P.name, mask="changed", because="Prompt-to-Prompt keeps pose and layout under a swap."
    ),
    Kind.COLOUR: Recipe(
        method=P2P.name, mask="about", because="Prompt-to-Prompt keeps the shape of what is coloured anew."
    ),
    Kind.STYLE: Recipe(method=P2P.name, because="Prompt-to-Prompt keeps the layout under another style."),
    Kind.TAKEN_OFF: Recipe(method=P2P.name, because="Prompt-to-Prompt keeps the thing that wore it."),
    Kind.REWORDED: Recipe(method=P2P.name, because="Prompt-to-Prompt keeps what both prompts say."),
    **{
        kind: Recipe(
            inversion=EditFriendly.name,
            method=Plain.name,
            because="the source's attention would hold the layout that is to change.",
        )
        for kind in (Kind.BACKGROUND, Kind.ADDED, Kind.REMOVED, Kind.MOVED, Kind.SEVERAL)
    },
}
"""By `Kind`, for models that bring no table of their own, and for kinds that a table lacks."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The choice of `auto` for an edit: concrete parameters, and why.

    `targets` are the prompts to paint, which differ from those given where these are instructions; `unread`
    are the instructions that no rule could read, which are painted as they are. `inversion` is None where the
    one at hand is kept.
    """

    kind: Kind
    targets: tuple[str, ...]
    unread: tuple[str, ...]
    inversion: str | None
    inversion_params: Mapping[str, Any] = field(default_factory=dict)
    params: EditParameters
    guidance_scale: float | None
    why: str


def choose(
    source: str,
    targets: Sequence[str],
    *,
    table: Mapping[str, Recipe] | None = None,
    lexicon: Lexicon = GRAMMAR,
    kept: str | None = None,
    given: Mapping[str, Any] | None = None,
    masked: bool = False,
    offers: Collection[str] | None = None,
) -> Choice:
    """Choose for edits from a source prompt to targets, which share one choice.

    Raises `PromptsDoNotAlign` for a target without words.

    `table` is the model's; where it has none of a kind, `RULE` has. `kept` is an inversion that was asked
    for, so that the method is one that it serves. `given` are parameters that all methods have, which win
    over those chosen; where they name a mask, or the edit is `masked` by one of its own, none is chosen.
    `offers` are the model's, None where they are not known: what needs more gives way to guidance alone.
    """
    read = [prompts.instruction(source, target, lexicon) for target in targets]
    meant = tuple(
        target if one is None or one.prompt is None else one.prompt
        for one, target in zip(read, targets, strict=True)
    )
    unread = tuple(
        target for one, target in zip(read, targets, strict=True) if one is not None and one.prompt is None
    )
    changes = [prompts.change(source, target, lexicon) for target in meant]
    kinds = {change.kind for change in changes}
    kind = changes[0].kind if len(kinds) == 1 else Kind.SEVERAL
    for target in meant:
        if not prompts.words(target):
            raise PromptsDoNotAlign(source, target, "the target prompt has no words")
    recipe, origin = _recipe(kind, table, source)
    if kept is not None:
        recipe = _served(recipe, kept)
    mask = {} if masked or _MASKING & set(given or {}) else _mask(recipe, changes)
    if offers is not None and (demand := _unmet(recipe, mask, offers)):
        recipe, origin, mask = _guidance_alone(demand, kept, offers), "rule", {}
    if recipe.paint == "ground" and (mask or masked) and all(change.cleared for change in changes):
        mask["inside_prompt"] = prompts.ground_alone(source, lexicon)
    params = EDITS[recipe.method](**{**recipe.params, **mask, **(given or {})})
    because = recipe.because or f"{recipe.method} was chosen for it."
    return Choice(
        kind=kind,
        targets=meant,
        unread=unread,
        inversion=recipe.inversion,
        inversion_params=recipe.inversion_params,
        params=params,
        guidance_scale=recipe.guidance_scale,
        why=f"{_summary(kind, changes)}; {because} ({origin})",
    )


_MASKING: Final = frozenset({"blend_words", "subtract_words", "diffedit_mask"})


def _recipe(kind: Kind, table: Mapping[str, Recipe] | None, source: str) -> tuple[Recipe, str]:
    if not prompts.words(source):
        because = "without a prompt of the image there is nothing to compare."
        return Recipe(inversion=EditFriendly.name, method=Plain.name, because=because), "rule"
    if table and kind in table:
        return table[kind], "measured for this model"
    return RULE[kind], "rule"


def _served(recipe: Recipe, inversion: str) -> Recipe:
    """The recipe for an inversion that was asked for: its own method if that is served, else another."""
    if recipe.inversion == inversion:
        return recipe.model_copy(update={"inversion": None, "inversion_params": {}})
    gives = INVERSIONS[inversion].gives
    if recipe.inversion is None and EDITS[recipe.method].needs <= gives:
        learned = INVERSIONS[inversion].learns_scale
        return recipe.model_copy(update={"guidance_scale": None}) if learned else recipe
    method = next((each.name for each in (P2P, Plain) if each.needs <= gives), recipe.method)
    return Recipe(
        method=method, mask=recipe.mask, because=f"the image's inversion, {inversion}, was asked for."
    )


def _unmet(recipe: Recipe, mask: Mapping[str, Any], offers: Collection[str]) -> Demand | None:
    """The first demand of a recipe, with a mask, that a model with these offers does not meet."""
    edit = EDITS[recipe.method](**{**recipe.params, **mask})
    if recipe.inversion is None:
        return unmet(demands(edit, offers), offers)
    inversion = INVERSIONS[recipe.inversion](**recipe.inversion_params)
    return unmet((*demands(inversion, offers), *demands(edit, offers)), offers)


def _guidance_alone(demand: Demand, kept: str | None, offers: Collection[str]) -> Recipe:
    """Guidance alone for a model that does not meet a demand, by the inversion that was asked for if any."""
    return Recipe(
        inversion=EditFriendly.name if kept is None else None,
        method=Plain.name,
        because=f"{demand.what} cannot be had from this model, since {lacking(demand, offers)}.",
    )


def _mask(recipe: Recipe, changes: Sequence[Change]) -> dict[str, Any]:
    """The parameters of a mask by words, the same for all targets."""
    match recipe.mask:
        case "changed":
            return {"blend_words": "changed"}
        case "about" if all(change.about for change in changes):
            return {"blend_words": _each(word for change in changes for word in change.about)}
        case "kept" if all(change.kept for change in changes):
            return {"subtract_words": _each(word for change in changes for word in change.kept)}
    return {}


def _each(words: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


_SENTENCES: Final = {
    Kind.SWAP: "A thing is swapped",
    Kind.COLOUR: "A thing gets another colour or property",
    Kind.BACKGROUND: "The background is another",
    Kind.STYLE: "The style is another",
    Kind.ADDED: "Something is added",
    Kind.REMOVED: "Something is removed",
    Kind.TAKEN_OFF: "A thing no longer wears or holds something",
    Kind.MOVED: "A thing stands elsewhere",
    Kind.SEVERAL: "Several things change",
    Kind.REWORDED: "Nothing is asked to change but the words",
}


def _summary(kind: Kind, changes: Sequence[Change]) -> str:
    about = _each(word for change in changes for word in change.about)
    return f"{_SENTENCES[kind]}: {', '.join(about)}" if about else _SENTENCES[kind]
