"""The secrets with which a tenant's webhooks are signed."""

import base64
import secrets
from typing import Any, Final

from store.names import PREFIX

_OVERLAP_S: Final = 24 * 3600


def webhook_secrets(redis: Any, tenant: str) -> list[str]:
    """`whsec_...`, as Standard Webhooks writes secrets: the one in use, made when first asked for, and for a
    day after it was replaced the one before.
    """
    redis.set(_now(tenant), _fresh(), nx=True)
    return [secret for secret in redis.mget(_now(tenant), _before(tenant)) if secret]


def replace_webhook_secret(redis: Any, tenant: str) -> str:
    """Put a new secret in use; a day long webhooks are signed with the one before too."""
    current, *_ = webhook_secrets(redis, tenant)
    made = _fresh()
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.set(_before(tenant), current, ex=_OVERLAP_S)
        pipeline.set(_now(tenant), made)
        pipeline.execute()
    return made


def _fresh() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _now(tenant: str) -> str:
    return f"{PREFIX}webhook_secret:{tenant}"


def _before(tenant: str) -> str:
    return f"{PREFIX}webhook_secret_before:{tenant}"
