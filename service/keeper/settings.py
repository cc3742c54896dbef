"""How a keeper behaves; every field is also an environment variable PENTIMENTO_<NAME>."""

from pydantic import Field

from service.settings import WebhookSettings


class KeeperSettings(WebhookSettings):
    """The webhooks, and how often it looks for what has expired."""

    webhook_timeout_s: float = Field(
        default=15, gt=0, description="The longest that one try to call a webhook may take."
    )
    webhook_retries_s: tuple[float, ...] = Field(
        default=(5, 30, 120, 600, 3600),
        description="How long to wait before each further try of a webhook, give or take a fifth.",
    )
    webhooks_at_once: int = Field(default=32, gt=0, description="How many webhooks are under way at most.")
    sweep_s: float = Field(default=60, gt=0, description="How often expired images are looked for.")
    stop_grace_s: float = Field(
        default=5,
        ge=0,
        description="How long a webhook under way may go on after SIGTERM before it is left to be tried "
        "again.",
    )
