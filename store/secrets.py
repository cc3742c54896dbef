"""The secret with which a tenant's webhooks are signed."""

import base64
import secrets
from typing import Any

from store import keys


def webhook_secret(redis: Any, tenant: str) -> str:
    """`whsec_...`, as Standard Webhooks writes secrets; made when first asked for, the same ever after."""
    key = f"{keys.PREFIX}webhook_secret:{tenant}"
    made = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    redis.set(key, made, nx=True)
    found: str = redis.get(key)
    return found
