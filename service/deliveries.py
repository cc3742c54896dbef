"""The delivery log of a job: how it is written, and how it is read."""

from collections.abc import Iterable, Sequence

from api_schemas import Delivery, DeliveryStatus, DeliveryTry


class Entry(DeliveryTry):
    """One line of the log."""

    url: str


def read(urls: Iterable[str], log: Sequence[str]) -> list[Delivery]:
    """What became of the webhooks that go to these URLs."""
    entries = [Entry.model_validate_json(line) for line in log]
    return [_delivery(url, [entry for entry in entries if entry.url == url]) for url in urls]


def _delivery(url: str, tries: list[Entry]) -> Delivery:
    status = DeliveryStatus.PENDING
    if tries and tries[-1].retry_at is None:
        status = DeliveryStatus.DELIVERED if tries[-1].error is None else DeliveryStatus.FAILED
    return Delivery(url=url, status=status, tries=[DeliveryTry.model_validate(dict(one)) for one in tries])
