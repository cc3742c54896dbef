"""Secrets of webhooks: one per tenant, until it is replaced."""

from standardwebhooks import Webhook

import store
from store import Store, StoreSettings, replace_webhook_secret, webhook_secrets


def test_a_tenant_has_one_secret_and_it_stays(shared: Store, settings: StoreSettings) -> None:
    [made] = webhook_secrets(shared.redis, "default")
    again = store.open(settings)
    assert webhook_secrets(again.redis, "default") == [made]
    again.close()
    assert made.startswith("whsec_")
    Webhook(made)


def test_tenants_do_not_share_it(shared: Store) -> None:
    assert webhook_secrets(shared.redis, "north") != webhook_secrets(shared.redis, "south")


def test_a_secret_that_was_replaced_holds_for_a_day_more(shared: Store) -> None:
    [first] = webhook_secrets(shared.redis, "default")
    second = replace_webhook_secret(shared.redis, "default")
    assert webhook_secrets(shared.redis, "default") == [second, first]
    [forgotten] = [key for key in shared.redis.keys("*webhook*") if shared.redis.ttl(key) > 0]
    assert 86_390 < shared.redis.ttl(forgotten) <= 86_400
    shared.redis.delete(forgotten)
    assert webhook_secrets(shared.redis, "default") == [second]


def test_the_first_secret_can_be_replaced_before_anybody_has_seen_it(shared: Store) -> None:
    made = replace_webhook_secret(shared.redis, "default")
    assert webhook_secrets(shared.redis, "default")[0] == made
