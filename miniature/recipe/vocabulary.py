"""The miniature's CLIP tokenizer: byte-level BPE, learned from captions and everyday words.

Any text tokenizes, since all 256 bytes are in the vocabulary. ``SPLIT`` words are kept out of what the
merges are learned from: they stay several sub-tokens, as rare words do in the large models.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

MAX_TOKENS = 48
MERGES = 700
_END = "</w>"
SPLIT = frozenset({"rabbit", "balloon", "photograph"})
_EVERYDAY = """
a an the and or of in on at to with from by for near under over behind beside between front against into
is are it this that very not no without more less big small large little tall long short old new young
happy sad angry sleepy funny cute beautiful bright dark light soft hard round square flat wet dry cold
warm hot fresh shiny golden silver black white grey gray brown orange red yellow green blue purple pink
colourful colored sitting standing running sleeping jumping flying playing eating walking looking
smiling man woman boy girl child people person face head eye hat bow ear tail wing leg hand water fire
earth wind rain snow cloud sun moon star sky sea lake river beach forest field garden mountain hill
desert city street road wall floor table chair window door room house home building picture image photo
painting drawing art style oil pencil ink cartoon realistic detailed high quality background animal bird
fish horse cow sheep bear wolf mouse bike bicycle train boat ship plane cake bread fruit orange banana
spring summer autumn winter morning evening night day left right top bottom middle one two three four
five
"""


def build(captions: Iterable[str]) -> CLIPTokenizer:
    """A `CLIPTokenizer` in CLIP's order: 256 bytes, 256 bytes that end a word, the merges, start, end."""
    counts = Counter(word for caption in captions for word in re.findall(r"[a-z]+", caption))
    counts = Counter({word: min(count, 50) for word, count in counts.items() if word not in SPLIT})
    counts.update(_EVERYDAY.split())
    merges = learn_merges(counts, MERGES)
    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(letter + _END for letter in letters), *(a + b for a, b in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={piece: i for i, piece in enumerate(dict.fromkeys(pieces))},
        merges=merges,
        model_max_length=MAX_TOKENS,
    )


def learn_merges(counts: Mapping[str, int], most: int) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first (Sennrich et al. 2016, algorithm 1).

    The tokenizers library breaks ties in another order on every run, and a vocabulary has to be reproducible:
    here ties fall to the pair that is first in the alphabet.
    """
    spelled = {word: (*word[:-1], word[-1] + _END) for word in sorted(counts)}
    merges: list[tuple[str, str]] = []
    while len(merges) < most:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, pieces in spelled.items():
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: _merge(pieces, best) for word, pieces in spelled.items()}
    return merges


def _merge(pieces: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for piece in pieces:
        # A piece just merged is longer than the pair's first half, so "aaa" merges once, from the left.
        if merged and (merged[-1], piece) == pair:
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)
