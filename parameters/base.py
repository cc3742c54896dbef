"""Parameters of a method: what inversions and edits have in common."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

import prompts
from parameters.checks import Prompt, check_confined, check_known, check_open
from parameters.demands import CROSS_ATTENTION, UNCONDITIONAL, Demand
from parameters.errors import EmptyMask, InvalidParameter
from parameters.fields import CHANGED, Fraction, Start, Words, WordsOrChanged


def settings(**values: Any) -> Mapping[str, Any]:
    """Values by name that nothing can change."""
    return MappingProxyType(values)


class Parameters(BaseModel):
    """The parameters of one method: names, bounds, defaults and one line of help each.

    `name` is how requests choose the method, `summary` its docstring's first line. A field whose default is
    None stands for the model's own value, or for the one in `published`: the settings of the method's paper,
    `steps` and `guidance_scale` among them where it names them. `needs_of_model`: what the method cannot do
    without, by the names of `Demand`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str]
    summary: ClassVar[str]
    published: ClassVar[Mapping[str, Any]] = settings()
    needs_of_model: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.summary = (cls.__doc__ or "").strip().partition("\n")[0]

    def demands(self) -> Iterator[Demand]:
        """What these values ask of a model beyond what the method always needs."""
        yield from ()


class InversionParameters(Parameters):
    """The parameters of an inversion.

    `gives`: what its record offers an edit: "start" (a noisy latent, or noise maps, to begin from), "path"
    (the source's latent at every level), "noise_maps", "prompt_embeddings", or names of a plug-in's own.
    `needs_prompt`: it cannot do without a prompt of the source. `learns_scale`: what it learns holds for one
    guidance scale alone. `takes_uncond`: it puts something else in the unconditional prompt's place, so no
    edit can set one. `paints`: it makes its picture itself, so no picture can be sent for it.
    """

    gives: ClassVar[frozenset[str]] = frozenset()
    needs_prompt: ClassVar[bool] = False
    learns_scale: ClassVar[bool] = False
    takes_uncond: ClassVar[bool] = False
    paints: ClassVar[bool] = False


class EditParameters(Parameters):
    """The parameters of an edit.

    `needs` are the names that its inversion has to give. `guided`: it has classifier-free guidance, and so
    takes a guidance scale and a negative prompt.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    guided: ClassVar[bool] = True

    attention: bool = Field(
        title="pictures of attention",
        default=False,
        description="Answer also with pictures of where each word attends, in the source and in the edit.",
    )
    attention_steps: Annotated[int, Field(ge=0, le=8)] = Field(
        title="steps of attention shown",
        default=0,
        description="Answer also with where each word attends in so many steps, spread over the run, side by "
        "side in one picture.",
    )
    blend_words: WordsOrChanged | None = Field(
        title="it may change",
        default=None,
        description="Only where these words attend may the picture change; 'changed' takes the words "
        "that differ between the prompts. The answer then has a mask.",
        examples=[["cat", "dog"], "changed"],
    )
    subtract_words: Words = Field(
        title="but not where these words are",
        default=(),
        description="Where these words attend the picture is kept after all.",
    )
    blend_threshold: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        title="least attention of a place",
        default=None,
        description="The part of the strongest attention from which on a place counts as the word; "
        "null is what suits the model.",
    )
    blend_start: Start = Field(
        title="mask from", default=0.2, description="The fraction of the run after which the mask is applied."
    )
    diffedit_mask: bool = Field(
        title="where the prompts disagree",
        default=False,
        description="Only where the predictions under the source prompt and the target prompt differ may the "
        "picture change: DiffEdit's mask, for any method.",
    )
    combine_masks: Literal["and", "or"] = Field(
        title="several masks",
        default="and",
        description="How the masks of words, of DiffEdit and the one that was sent become one: open where "
        "all of them are, or where any is.",
    )
    feather: Annotated[float, Field(ge=0, le=64)] = Field(
        title="soft edge of the mask",
        default=0.0,
        description="Over so many pixels of the picture at the model's size the change fades out towards the "
        "edge of the mask, on its inside.",
    )
    blend_in: Literal["latent", "picture"] = Field(
        title="mask applied to",
        default="picture",
        description="Whether the mask is applied to the latents alone, as published, or to the picture too, "
        "so that nothing outside of it changes by a single value.",
    )
    proximal: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        title="small changes left out",
        default=None,
        description="The part of what guidance changes that is left out, the smallest changes first, so that "
        "more of the source is kept; published for `negative-prompt`, with 0.7.",
    )
    inversion_guidance: Fraction = Field(
        title="and moved back to the source",
        default=0.0,
        description="How far, after each step, what `proximal` leaves nearly unchanged is moved back to the "
        "source's own latent: 1, as mostly published, moves it there, 0 not at all.",
    )
    inversion_guidance_start: Start = Field(
        title="moved back from",
        default=0.6,
        description="The fraction of the run after which that is done; 0.6 is the published t < 400 of 1000.",
    )
    inversion_guidance_dilation: Annotated[int, Field(ge=0, le=8)] = Field(
        title="margin of what is changed",
        default=1,
        description="By how many places of the latent the changed part is widened before the rest is moved.",
    )

    def check(self, source: str, targets: Sequence[str]) -> None:
        """Refuse what can be known to fail without a model.

        Raises:
            UnknownWord, PromptsDoNotAlign, InvalidParameter: as their names say.
        """
        self.check_prompts(Prompt(source), [Prompt(target) for target in dict.fromkeys(targets)])

    def check_prompts(self, source: Prompt, targets: Sequence[Prompt]) -> None:
        """As `check`, of prompts cut into words; a method with rules of its own adds them here."""
        blend = () if self.blend_words is None or self.blend_words == CHANGED else self.blend_words
        check_known([*blend, *self.subtract_words], [source, *targets])
        if self.blend_words:
            check_confined(source, targets, self.blend_words, self.weighed)
            check_open(source, targets, self.blend_words, self.subtract_words, self.weighed)
        if self.inversion_guidance and self.proximal is None:
            raise InvalidParameter(
                "inversion_guidance",
                self.inversion_guidance,
                "0 without proximal, which finds what is to be moved back; 0.7 is published",
            )
        for target in targets:
            if self.diffedit_mask and self.combine_masks == "and" and target.text == source.text:
                raise EmptyMask(f"DiffEdit's is closed, as '{target.text}' is what the source prompt says")
        if self.feather and self.blend_in == "latent":
            raise InvalidParameter(
                "feather",
                self.feather,
                "0 where blend_in is 'latent': the edge is softened when the picture is composed",
            )

    def check_masked(self, sent: bool) -> None:
        """Refuse what needs a mask where there is none; `sent` says that one comes with the request."""

    def places(self, source: str, targets: Sequence[str]) -> tuple[int, ...]:
        """The words of the source that stand for what the edit changes, by index; none where nothing does.

        They are those that `blend_words` names or that are weighed anew, else those of `prompts.places`.
        """
        blend = () if self.blend_words is None or self.blend_words == CHANGED else self.blend_words
        named = tuple(at for word in (*blend, *self.weighed) for at in _occurrences(source, word))
        changing = (at for target in targets for at in prompts.places(source, target))
        return tuple(sorted(set(named or changing)))

    def demands(self) -> Iterator[Demand]:
        """Places and pictures of words need cross-attention, and `proximal` needs guidance to act on."""
        seen, guided = frozenset({CROSS_ATTENTION}), frozenset({UNCONDITIONAL})
        for name in ("blend_words", "subtract_words"):
            if getattr(self, name):
                yield Demand(name, "a mask of words", seen, "send a mask, or take diffedit_mask")
        for name in ("attention", "attention_steps"):
            if getattr(self, name):
                yield Demand(name, "a picture of attention", seen, "leave it out")
        if self.proximal is not None:
            yield Demand("proximal", "proximal guidance", guided, "leave it out")

    @property
    def prompts(self) -> dict[str, str | None]:
        """Prompts among the parameters, by name; none here."""
        return {}

    @property
    def mask_attention(self) -> Literal["own", "edited"]:
        """The target's attention that finds the places of words: its own, or as edited."""
        return "own"

    @property
    def weighed(self) -> tuple[str, ...]:
        """Words whose attention is weighed anew, which count as changed; none here."""
        return ()


def _occurrences(prompt: str, phrase: str) -> tuple[int, ...]:
    try:
        return tuple(prompts.find(prompt, phrase))
    except prompts.UnknownWord:
        return ()
