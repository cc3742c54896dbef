"""The miniature's CLIP tokenizer: byte-level BPE, learned from captions and everyday words.

Any text tokenizes, since all 256 bytes are in the vocabulary. ``SPLIT`` words are kept out of what the merges are
learned from: they stay several sub-tokens, as rare words do in the large models.
"""

import re
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

MAX_TOKENS = 48
MERGES = 700
SPLIT = frozenset({"rabbit", "balloon", "photograph"})
_EVERYDAY = """
a an the and or of in on at to with from by for near under over behind beside between front against into is are it
this that very not no without more less big small large little tall long short old new young happy sad angry sleepy
funny cute beautiful bright dark light soft hard round square flat wet dry cold warm hot fresh shiny golden silver
black white grey gray brown orange red yellow green blue purple pink colourful colored sitting standing running
sleeping jumping flying playing eating walking looking smiling man woman boy girl child people person face head eye
hat bow ear tail wing leg hand water fire earth wind rain snow cloud sun moon star sky sea lake river beach forest
field garden mountain hill desert city street road wall floor table chair window door room house home building
picture image photo painting drawing art style oil pencil ink cartoon realistic detailed high quality background
animal bird fish horse cow sheep bear wolf mouse bike bicycle train boat ship plane cake bread fruit orange banana
spring summer autumn winter morning evening night day left right top bottom middle one two three four five
"""


def build(captions: Iterable[str]) -> CLIPTokenizer:
    """A `CLIPTokenizer` in CLIP's order: 256 bytes, 256 bytes that end a word, the merges, start, end."""
    counts = Counter(word for caption in captions for word in re.findall(r"[a-z]+", caption))
    counts = Counter({word: count for word, count in counts.items() if word not in SPLIT})
    counts.update(_EVERYDAY.split())
    letters = sorted(ByteLevel.alphabet())
    learner = Tokenizer(BPE(end_of_word_suffix="</w>"))
    trainer = BpeTrainer(
        vocab_size=2 * len(letters) + MERGES,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator((word for word, n in sorted(counts.items()) for _ in range(min(n, 50))), trainer)
    known = learner.get_vocab()
    joined = sorted((i, piece) for piece, i in known.items() if len(piece.removesuffix("</w>")) > 1)
    merges = [_halves(piece, known) for _, piece in joined]
    pieces = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges, model_max_length=MAX_TOKENS
    )


def _halves(piece: str, known: dict[str, int]) -> tuple[str, str]:
    """The merge that made a piece: of all ways to cut it in two earlier pieces, the one made first."""
    stem, suffix = (piece[:-4], "</w>") if piece.endswith("</w>") else (piece, "")
    cuts = [(stem[:i], stem[i:] + suffix) for i in range(1, len(stem))]
    made = [(max(known[a], known[b]), a, b) for a, b in cuts if a in known and known.get(b, 1 << 30) < known[piece]]
    _, a, b = min(made)
    return a, b
