"""Other words for what scenes show. Where several are tried in turn, the first is the plain one."""

from typing import Final

NOUNS: Final[dict[str, tuple[str, ...]]] = {
    "cat": ("kitten", "kitty", "cat face"),
    "dog": ("puppy", "doggy", "hound"),
    "tiger": ("tiger cub", "big striped cat"),
    "lion": ("lion cub", "king lion"),
    "fox": ("red fox", "vixen"),
    "panda": ("panda bear", "giant panda"),
    "frog": ("toad", "tree frog"),
    "rabbit": ("bunny", "hare"),
    "apple": ("red apple", "apple fruit"),
    "lemon": ("yellow lemon", "citrus"),
    "pear": ("green pear", "pear fruit"),
    "car": ("automobile", "auto", "motorcar"),
    "bus": ("coach", "omnibus"),
    "house": ("home", "cottage", "building"),
    "tree": ("oak tree", "oak"),
    "flower": ("blossom", "daisy", "bloom"),
    "star": ("star shape",),
    "heart": ("love heart", "heart shape"),
    "balloon": ("party balloon", "air balloon"),
    "ball": ("football", "soccer ball"),
}
COLOUR_NAMES: Final = {
    "red": ("red", "scarlet", "crimson", "bright red"),
    "yellow": ("yellow", "golden", "bright yellow"),
    "green": ("green", "emerald", "green coloured", "green-colored"),
    "blue": ("blue", "blue coloured", "blue-colored"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rose", "light pink"),
}
COUNTS: Final = {2: ("two", "2", "a pair of", "a couple of"), 3: ("three", "3", "a group of three")}
EXTENTS: Final = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge", "giant")}
WORN: Final = ("with", "wearing", "that wears", "with", "wearing", "in")
JOINTS: Final = (" and ", " next to ", " beside ", " with ", ", ")
ABSENT: Final = ("without", "and without", "but not", "not with")
ALONE: Final = ("{}", "{} alone", "only {}", "just {}", "nothing but {}", "empty {}", "{} with nothing on it")
# Phrases for where a thing stands, and for the background alone.
GROUNDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "grass": (("on a lawn", "in a meadow", "on the lawn"), ("a meadow", "a lawn")),
    "sand": (("on a beach", "on the beach", "in the desert"), ("a beach", "the desert", "a sandy beach")),
    "snow": (("in a snowy field", "in winter snow"), ("a snowy field", "winter snow")),
    "brick": (("by a brick wall", "before red bricks", "on bricks"), ("red bricks", "a brick background")),
    "sea": (("in the ocean", "on the water", "on the ocean"), ("the ocean", "water")),
    "night sky": (("at night", "among the stars", "in a starry night"), ("a night with stars", "night")),
    "wood": (("on wooden planks", "on a wooden table"), ("wooden planks", "a wooden floor")),
    "sky": (("in the clouds", "up in the sky", "in the blue sky"), ("clouds", "blue sky with clouds")),
}
STYLE_FRAMES: Final = {
    "photo": ("a photo of {}", "a photograph of {}", "photo of {}", "{}, photo", "a real photo of {}"),
    "pixel art": (
        "pixel art of {}",
        "a pixel art picture of {}",
        "{}, pixel art",
        "{} in pixel art style",
        "a pixelated image of {}",
        "{} as pixel art",
    ),
    "watercolour": (
        "a watercolour of {}",
        "a watercolor of {}",
        "a watercolour painting of {}",
        "a watercolor painting of {}",
        "{}, watercolour",
        "{}, watercolor",
        "{} in watercolours",
        "{} as a watercolor",
    ),
    "sketch": (
        "a sketch of {}",
        "a pencil sketch of {}",
        "{}, sketch",
        "sketch of {}",
        "a pencil drawing of {}",
        "a drawing of {}",
        "{} drawn in pencil",
    ),
}
FRAMES: Final = (
    "make it {}",
    "turn it into {}",
    "change it to {}",
    "make this {}",
    "i want {}",
    "show me {}",
    "show {}",
    "paint {}",
    "a picture of {}",
    "an image of {}",
    "there is {}",
    "this is {}",
)
