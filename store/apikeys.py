"""API keys: the store holds a digest of each secret, so that a copy of the store gives no usable key."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import Any

from store.names import PREFIX
from store.views import when

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}")
_TOKEN = re.compile(r"pk_([0-9a-f]{12})_([0-9a-f]{48})")
_KEYS = f"{PREFIX}apikeys"
_NOBODY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """What is known of a key; None for a limit means the one that the settings give."""

    id: str
    name: str
    tenant: str
    created_at: datetime
    rate: int | None = None
    max_queued: int | None = None
    revoked_at: datetime | None = None


class ApiKeys:
    """The keys that open the service; once there is one, even a revoked one, every request needs one."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def add(
        self,
        name: str,
        *,
        tenant: str = "default",
        rate: int | None = None,
        max_queued: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its token, which cannot be shown again.

        `rate` is in requests a minute. Raises ValueError.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("a key's name has 1 to 64 characters, none of them a control character")
        check_tenant(tenant)
        for what, limit in (("rate", rate), ("max_queued", max_queued)):
            if limit is not None and limit < 1:
                raise ValueError(f"{what} is {limit}; it must be at least 1")
        key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
        limits = {"rate": rate, "max_queued": max_queued}
        fields = {
            "name": name,
            "tenant": tenant,
            "digest": _digest(secret),
            "created": str(int(time() * 1000)),
            **{what: limit for what, limit in limits.items() if limit is not None},
        }
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(_record(key_id), mapping=fields)
            pipeline.zadd(_KEYS, {key_id: fields["created"]})
            pipeline.execute()
        return _key(key_id, fields), f"pk_{key_id}_{secret}"

    def find(self, token: str) -> ApiKey | None:
        """The key that this token proves, or None if it was never given out or is revoked."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        fields = self._redis.hgetall(_record(parts[1]))
        if not hmac.compare_digest(fields.get("digest", _NOBODY), _digest(parts[2])):
            return None
        return _key(parts[1], fields)

    def opens(self, key_id: str) -> bool:
        """Whether the key of this id still lets its owner in."""
        return bool(self._redis.hexists(_record(key_id), "digest"))

    def exist(self) -> bool:
        """Whether a key was ever made and not forgotten."""
        return bool(self._redis.exists(_KEYS))

    def all(self) -> list[ApiKey]:
        """All keys, revoked ones included, in the order in which they were made."""
        ids = self._redis.zrange(_KEYS, 0, -1)
        with self._redis.pipeline(transaction=False) as pipeline:
            for key_id in ids:
                pipeline.hgetall(_record(key_id))
            found = pipeline.execute()
        return [_key(key_id, fields) for key_id, fields in zip(ids, found, strict=True) if fields]

    def revoke(self, key_id: str) -> bool:
        """Let the key open nothing from now on; False if there is no such key."""
        if self._redis.zscore(_KEYS, key_id) is None:
            return False
        # First what a store without room does too: the key must die even if its time of death is not noted.
        self._redis.hdel(_record(key_id), "digest")
        self._redis.hsetnx(_record(key_id), "revoked", int(time() * 1000))
        return True

    def forget(self) -> int:
        """Forget the revoked keys, and say how many; if none is left, the service needs no key any more."""
        revoked = [key.id for key in self.all() if key.revoked_at is not None]
        if revoked:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.zrem(_KEYS, *revoked)
                pipeline.delete(*(_record(key_id) for key_id in revoked))
                pipeline.execute()
        return len(revoked)


def check_tenant(tenant: str) -> None:
    """Raise ValueError if no tenant can have this name."""
    if not _TENANT.fullmatch(tenant):
        raise ValueError(
            f"{tenant!r} cannot name a tenant: use up to 32 of a-z, 0-9, - and _, a letter or digit first"
        )


def _record(key_id: str) -> str:
    return f"{PREFIX}apikey:{key_id}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(key_id: str, fields: dict[str, Any]) -> ApiKey:
    return ApiKey(
        id=key_id,
        name=fields["name"],
        tenant=fields["tenant"],
        created_at=when(fields["created"]),
        rate=int(fields["rate"]) if "rate" in fields else None,
        max_queued=int(fields["max_queued"]) if "max_queued" in fields else None,
        revoked_at=when(fields["revoked"]) if "revoked" in fields else None,
    )
