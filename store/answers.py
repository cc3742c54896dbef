"""What requests with an idempotency key were answered, so that sending one again does nothing again."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from store import keys, scripts
from store.errors import KeyInUse, KeyReused
from store.names import PREFIX

_KEPT_S: Final = 24 * 3600
_LEASE_S: Final = 30


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The right to work on a request under the id of its job, or the answer that it had before."""

    name: str
    job_id: str
    answer: str | None


class Answers:
    """Answers by tenant and key, kept for a day after the first try."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._reserve = redis.register_script(scripts.text("reserve"))

    def reserve(self, tenant: str, key: str, body: bytes) -> Reservation:
        """Begin on the request with this body; a try that never ended is taken over, with its job's id.

        Raises KeyReused if the key came with another body before, KeyInUse while another try is under way.
        """
        name = f"{PREFIX}answer:{tenant}:{hashlib.sha256(key.encode()).hexdigest()}"
        digest = hashlib.sha256(body).hexdigest()
        given = [digest, keys.new_job_id(), _KEPT_S, _LEASE_S]
        state, job_id, answer = self._reserve(keys=[name], args=given)
        if state == "reused":
            raise KeyReused(key)
        if state == "running":
            raise KeyInUse(key)
        return Reservation(name=name, job_id=job_id, answer=answer if state == "answered" else None)

    def keep(self, reservation: Reservation, answer: str, image_id: str | None) -> None:
        """Remember the answer for the request's next try; it is about this image, if about any."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(reservation.name, "answer", answer)
            pipeline.expire(reservation.name, _KEPT_S)
            if image_id is not None:
                pipeline.sadd(_of(image_id), reservation.name)
                pipeline.expire(_of(image_id), _KEPT_S)
            pipeline.execute()

    def release(self, reservation: Reservation) -> None:
        """Let the request be tried again at once: it came to nothing that could be answered."""
        self._redis.hset(reservation.name, "until", 0)

    def forget(self, image_id: str) -> None:
        """Remove all answers that are of this image."""
        self._redis.delete(_of(image_id), *self._redis.smembers(_of(image_id)))


def _of(image_id: str) -> str:
    return f"{keys.image(image_id)}:answers"
