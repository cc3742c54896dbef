"""The words of the captions that `Scene.caption` makes: places, styles, numbers, plurals."""

from typing import Final

PLACES = {
    "grass": ("on grass", "on the grass", "on green grass", "in the grass"),
    "sand": ("on sand", "on the sand", "on yellow sand", "in the sand"),
    "snow": ("on snow", "in the snow", "on white snow", "in snow"),
    "brick": ("on brick", "against a brick wall", "in front of a brick wall", "on a brick wall"),
    "sea": ("on the sea", "in the sea", "at sea", "on a blue sea"),
    "night sky": ("in the night sky", "under a night sky", "in a night sky", "at night in the night sky"),
    "wood": ("on wood", "on a wood floor", "on brown wood", "on a wood table"),
    "sky": ("in the sky", "in a blue sky", "against the sky", "in the cloudy sky"),
}
STYLED = {
    "photo": ("a photo of {}", "a photograph of {}", "photo of {}", "{}, photo"),
    "pixel art": ("pixel art of {}", "a pixel art picture of {}", "{}, pixel art", "{} in pixel art style"),
    "watercolour": (
        "a watercolour of {}",
        "a watercolour painting of {}",
        "{}, watercolour",
        "watercolour of {}",
    ),
    "sketch": ("a sketch of {}", "a pencil sketch of {}", "{}, sketch", "sketch of {}"),
}
# A background without any object.
BARE: Final = {
    "grass": ("grass", "the grass", "green grass", "a lawn of grass"),
    "sand": ("sand", "the sand", "yellow sand", "a stretch of sand"),
    "snow": ("snow", "the snow", "white snow", "a field of snow"),
    "brick": ("a brick wall", "the brick wall", "brick", "a wall of brick"),
    "sea": ("the sea", "a blue sea", "open sea", "sea"),
    "night sky": ("the night sky", "a night sky", "night sky", "a starry night sky"),
    "wood": ("wood", "a wood floor", "brown wood", "a wood table"),
    "sky": ("the sky", "a blue sky", "sky", "a cloudy sky"),
}
NUMBERS: Final = {2: "two", 3: "three"}
PLURALS: Final = {
    "cat": "cats",
    "dog": "dogs",
    "tiger": "tigers",
    "lion": "lions",
    "fox": "foxes",
    "panda": "pandas",
    "frog": "frogs",
    "rabbit": "rabbits",
    "apple": "apples",
    "lemon": "lemons",
    "pear": "pears",
    "car": "cars",
    "bus": "buses",
    "house": "houses",
    "tree": "trees",
    "flower": "flowers",
    "star": "stars",
    "heart": "hearts",
    "balloon": "balloons",
    "ball": "balls",
}
