"""Names of models, and their files on the Hugging Face hub and on this disk; loads no network."""

from hub.card import licence_of
from hub.errors import HubError
from hub.listing import Wanted, chosen
from hub.local import Kept, kept, remove
from hub.naming import ModelName
from hub.pulling import Pull, gigabytes, here, places, pull, split, wanted

__all__ = [
    "HubError",
    "Kept",
    "ModelName",
    "Pull",
    "Wanted",
    "chosen",
    "gigabytes",
    "here",
    "kept",
    "licence_of",
    "places",
    "pull",
    "remove",
    "split",
    "wanted",
]
