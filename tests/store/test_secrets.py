"""Secrets of webhooks: one per tenant, for good."""

from standardwebhooks import Webhook

import store
from store import Store, StoreSettings, webhook_secret


def test_a_tenant_has_one_secret_and_it_stays(shared: Store, settings: StoreSettings) -> None:
    made = webhook_secret(shared.redis, "default")
    again = store.open(settings)
    assert webhook_secret(again.redis, "default") == made
    again.close()
    assert made.startswith("whsec_")
    Webhook(made)


def test_tenants_do_not_share_it(shared: Store) -> None:
    assert webhook_secret(shared.redis, "north") != webhook_secret(shared.redis, "south")
