"""What a worker could have made."""

from api_schemas import InvertResult
from store import keys


def inverted(image_id: str, record_id: str = "rec_" + "r" * 26) -> InvertResult:
    """The result of an inversion of this image."""
    return InvertResult(
        image_id=image_id,
        source_url=keys.url(keys.working(image_id, record_id)),
        reconstruction_url=keys.url(keys.reconstruction(image_id, record_id)),
        psnr=30.5,
        ssim=0.9,
        width=64,
        height=64,
        cached=False,
        seconds=1.5,
    )
