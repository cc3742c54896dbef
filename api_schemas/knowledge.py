"""What a model was taught, as far as its folder says."""

from pydantic import Field

from api_schemas.base import Response


class Knowledge(Response):
    """What a model was taught: the content of `knows.json` in its folder."""

    demo: bool = Field(default=False, description="Whether it is for a try, not for photographs.")
    objects: list[str] = Field(default_factory=list, description="The things it can show.")
    colours: list[str] = Field(default_factory=list, description="The colours it can give them.")
    styles: list[str] = Field(default_factory=list, description="The styles it can paint in.")
    backgrounds: list[str] = Field(default_factory=list, description="What can be behind them.")
    words: list[str] = Field(
        default_factory=list, description="All words of the captions it was taught; of others it has no idea."
    )
    lowest_psnr: float | None = Field(
        default=None,
        description="The worst that its autoencoder made of a picture of its kind, in dB; a picture that "
        "fares worse is not of its kind.",
    )
    lowest_snr: float | None = Field(
        default=None, description="The same, in dB of the deviation of the picture's own values."
    )
    lowest_detail: float | None = Field(
        default=None,
        description="The least part of the differences between neighbouring pixels that its autoencoder kept "
        "of a picture of its kind.",
    )
