"""Prompt syntax of other tools, which no model reads: found, so that nobody takes it for more than text."""

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"\s*([0-9]*\.?[0-9]+)\s*"
_WEIGHT: Final = 'params {{"reweight": {{"{0}": {1:g}}}}}'
_STRONGER: Final = 'params {{"reweight": {{"{0}": 1.5}}}}'
_WEAKER: Final = 'params {{"reweight": {{"{0}": 0.7}}}}'
_ONE_EACH: Final = 'several edits in "prompts", one for each choice'

# The first that matches a place counts; the fields of an advice are the groups of its pattern.
_WRITTEN_ELSEWHERE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"<(lora|lyco|hypernet):[^>]*>"),
        'a model that is served with it: PENTIMENTO_MODEL="... + lora:FILE:WEIGHT"',
    ),
    (
        re.compile(r"\bembedding:(\w[\w.-]*)", re.IGNORECASE),
        'the word <{0}> of a model that is served with it: PENTIMENTO_MODEL="... + embedding:FILE"',
    ),
    (re.compile(rf"\(\s*([^():]*[^():\s])\s*:{_NUMBER}\)"), _WEIGHT),
    (
        re.compile(rf"\[([^\[\]:]*):\s*([^\[\]:]*[^\[\]:\s])\s*:{_NUMBER}\]"),
        "an edit whose prompt has '{1}' in this place; from when on it may show, params \"tau_c\" says",
    ),
    (re.compile(rf"\[\s*([^\[\]:]*[^\[\]:\s])\s*::{_NUMBER}\]"), "an edit whose prompt lacks '{0}'"),
    (
        re.compile(rf"\[\s*([^\[\]:]*[^\[\]:\s])\s*:{_NUMBER}\]"),
        "an edit whose prompt has '{0}' in this place; from when on it may show, params \"tau_c\" says",
    ),
    (re.compile(r"\[[^\[\]]*\|[^\[\]]*\]|\{[^{}]*\|[^{}]*\}"), _ONE_EACH),
    (re.compile(r"\b__([\w/-]+?)__\b"), _ONE_EACH),
    (re.compile(r"\([^()]*\)\s*\.\s*(swap|blend|and)\s*\([^()]*\)"), 'several edits in "prompts"'),
    (re.compile(r"(\w+)\s*\.\s*swap\s*\([^()]*\)"), "an edit whose prompt has another word for '{0}'"),
    (re.compile(r"\(\s*([^()]*[^()\s])\s*\)([0-9]*\.?[0-9]+)\b"), _WEIGHT),
    (re.compile(r"\(\s*([^()]*[^()\s])\s*\)\++"), _STRONGER),
    (re.compile(r"\(\s*([^()]*[^()\s])\s*\)-+(?!\w)"), _WEAKER),
    (re.compile(r"\({2,}\s*([^()]*[^()\s])\s*\){2,}|\{+\s*([^{}]*[^{}\s])\s*\}+"), _STRONGER),
    (re.compile(r"\[+\s*([^\[\]]*[^\[\]\s])\s*\]+"), _WEAKER),
    (re.compile(r"(\w+)\+{2,}(?!\w)"), _STRONGER),
    (re.compile(r"\b(\w+)::([0-9]*\.?[0-9]+)"), _WEIGHT),
    (re.compile(r"(?<!\S)--no\s+(\S.*?)(?=\s--|$)"), '"negative_prompt": "{0}"'),
    (re.compile(r"(?<!\S)--[a-z]+(?:\s+[0-9][\w.:]*)?"), "the request's own fields"),
    (re.compile(r"\b(BREAK|AND)\b"), 'commas, or several edits in "prompts"'),
)


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A part [start, stop) of a prompt that other tools do not read as text, and what to use `instead`."""

    text: str
    start: int
    stop: int
    instead: str


def foreign(prompt: str) -> tuple[Foreign, ...]:
    """The parts of a prompt that Stable Diffusion WebUI, ComfyUI, Compel or Midjourney read as syntax.

    They are in order and do not overlap. Plain parentheses are none: captions have them too.
    """
    found: list[Foreign] = []
    for pattern, instead in _WRITTEN_ELSEWHERE:
        for match in pattern.finditer(prompt):
            if all(match.end() <= other.start or match.start() >= other.stop for other in found):
                parts = [_value(part) for part in match.groups() if part is not None]
                advice = instead.format(*parts)
                found.append(Foreign(text=match[0], start=match.start(), stop=match.end(), instead=advice))
    return tuple(sorted(found, key=lambda part: part.start))


def _value(part: str) -> float | str:
    return float(part) if re.fullmatch(_NUMBER, part) else part
