"""What `auto` chooses for an edit, and the edit that is made of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import parameters
from api_schemas import Chosen, EditOptions, InversionChoice, InvertOptions, ModelInfo, Notice
from parameters import AUTO, INVERSIONS, USUAL, Choice, Lexicon
from prompts import words
from service.answers import loading
from service.checks import as_answers
from store import Ask


class Settled(NamedTuple):
    """A request whose method is settled, how its image is to be inverted, and what `auto` chose."""

    request: EditOptions
    inversion: InversionChoice | None
    chosen: Chosen | None = None
    notices: tuple[Notice, ...] = ()

    def noted(self, ask: Ask) -> Ask:
        """The terms of the request with the choice and its warnings."""
        return replace(ask, chosen=self.chosen, warnings=(*ask.warnings, *self.notices))


def settle(
    request: EditOptions, own: InvertOptions, model: ModelInfo | None, masked: bool = False
) -> Settled:
    """Choose what a request leaves to `auto`, by the inversion at hand; another request is as it was.

    `masked` says that a mask was sent beside it.
    The usual inversion gives way to the one that suits the edit, with the same prompt and steps; any other
    was asked for and stays. Raises ServiceError: prompts_do_not_align; model_loading while no worker has said
    what is best with its model, since the same request would be another edit a moment later.
    """
    if request.method != AUTO:
        return Settled(request, request.inversion)
    if model is None:
        raise loading("'auto' chooses by what is best with it: try again, or name a method.")
    usual = own.method == USUAL and own.params == INVERSIONS[own.method]()
    with as_answers(request):
        choice = parameters.choose(
            own.prompt,
            request.targets,
            table=model.auto,
            lexicon=lexicon(model),
            kept=None if usual else own.method,
            given=request.params.model_dump(exclude_unset=True),
            masked=masked or request.mask is not None,
            offers=model.offers,
        )
    scale = request.guidance_scale if request.guidance_scale is not None else choice.guidance_scale
    several = {} if request.prompt is None else {"prompt": choice.targets[0]}
    settled = request.model_copy(
        update={
            "method": choice.params.name,
            "params": choice.params,
            "guidance_scale": scale,
            **(several or {"prompts": list(choice.targets)}),
        }
    )
    inversion = request.inversion
    if choice.inversion is not None:
        inversion = InversionChoice(
            method=choice.inversion,
            params=dict(choice.inversion_params),
            prompt=own.prompt,
            steps=own.steps,
        )
    made = as_chosen(choice, own.method, scale, kept=not usual)
    return Settled(settled, inversion, made, tuple(_unread(choice.unread)))


def as_chosen(choice: Choice, inversion: str, scale: float | None, *, kept: bool = False) -> Chosen:
    """A choice as the wire has it; `inversion` is the one at hand, `scale` that of the edit.

    `kept` says that the inversion was asked for.
    """
    return Chosen(
        kind=choice.kind,
        prompts=list(choice.targets),
        inversion=choice.inversion or inversion,
        method=choice.params.name,
        params=parameters.changed_from_defaults(choice.params),
        guidance_scale=scale,
        kept=kept,
        why=choice.why,
    )


def lexicon(model: ModelInfo | None) -> Lexicon:
    """What a model publishes of its words; nothing where it does not."""
    knows = None if model is None else model.knows
    if knows is None:
        return Lexicon()
    return Lexicon(
        objects=frozenset(knows.objects),
        colours=frozenset(knows.colours),
        styles=frozenset(knows.styles),
        backgrounds=frozenset(knows.backgrounds),
    )


def compared(source: str, target: str, model: ModelInfo | None) -> Chosen | None:
    """What `auto` would choose for an image that is inverted as usual.

    None if a prompt has no words, or while no worker has said what is best with its model.
    """
    if model is None or not (words(source) and words(target)):
        return None
    choice = parameters.choose(
        source,
        [target],
        table=model.auto,
        lexicon=lexicon(model),
        offers=model.offers,
    )
    return as_chosen(choice, USUAL, choice.guidance_scale)


def _unread(instructions: Sequence[str]) -> list[Notice]:
    return [
        Notice(
            code="instruction_unread",
            message=f"'{text}' reads like an instruction that no rule fits; it was taken as what the picture "
            "is to show. Say that instead, such as 'a fox on grass'.",
        )
        for text in instructions
    ]
