"""Parameters of a method: what inversions and edits have in common."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from parameters.checks import Prompt, check_confined, check_known
from parameters.fields import CHANGED, Words, WordsOrChanged


def settings(**values: Any) -> Mapping[str, Any]:
    """Values by name that nothing can change."""
    return MappingProxyType(values)


class Parameters(BaseModel):
    """The parameters of one method: names, bounds, defaults and one line of help each.

    `name` is how requests choose the method, `summary` its docstring's first line. A field whose default is
    None stands for the model's own value, or for the one in `published`: the settings of the method's paper,
    `steps` and `guidance_scale` among them where it names them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str]
    summary: ClassVar[str]
    published: ClassVar[Mapping[str, Any]] = settings()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.summary = (cls.__doc__ or "").strip().partition("\n")[0]


class InversionParameters(Parameters):
    """The parameters of an inversion.

    `gives`: what its record offers an edit: "start" (a noisy latent, or noise maps, to begin from), "path"
    (the source's latent at every level), "noise_maps", or names of a plug-in's own. `needs_prompt`: it cannot
    do without a prompt of the source. `learns_scale`: what it learns holds for one guidance scale alone.
    `takes_uncond`: it puts what it learned in the unconditional prompt's place, so no edit can set one.
    `paints`: it makes its picture itself, so no picture can be sent for it.
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
    blend_start: Annotated[float, Field(ge=0, lt=1)] = Field(
        title="mask from", default=0.2, description="The fraction of the run after which the mask is applied."
    )
    blend_in: Literal["latent", "picture"] = Field(
        title="mask applied to",
        default="picture",
        description="Whether the mask is applied to the latents alone, as published, or to the picture too, "
        "so that nothing outside of it changes by a single value.",
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

    @property
    def prompts(self) -> dict[str, str | None]:
        """Prompts among the parameters, by name; none here."""
        return {}

    @property
    def weighed(self) -> tuple[str, ...]:
        """Words whose attention is weighed anew, which count as changed; none here."""
        return ()
