"""Which workers are alive and what they serve, and which keepers are."""

from time import time
from typing import Any

from api_schemas import ModelInfo
from store import keys

_ALIVE = f"{keys.PREFIX}workers"
_SERVES = f"{keys.PREFIX}workers:serve"
_KEEPERS = f"{keys.PREFIX}keepers"


class Presence:
    """Workers say every few seconds that they are there; those that fall silent are forgotten."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def publish(self, worker: str, model: ModelInfo, ttl_s: float) -> None:
        """Say that `worker` serves `model` and will say so again within `ttl_s` seconds."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(_SERVES, worker, model.model_dump_json())
            pipeline.zadd(_ALIVE, {worker: time() + ttl_s})
            pipeline.execute()

    def retire(self, worker: str) -> None:
        """Say that `worker` is gone."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(_SERVES, worker)
            pipeline.zrem(_ALIVE, worker)
            pipeline.execute()

    def workers(self) -> list[str]:
        """Names of the workers that are alive."""
        return list(self._live(*self._serving()))

    def models(self) -> list[ModelInfo]:
        """What the live workers serve, by name; an entry counts the workers that serve it."""
        return self.told(*self._serving())

    @staticmethod
    def ask(pipeline: Any) -> None:
        """Ask for `models` along with whatever else the pipeline asks for."""
        pipeline.zrange(_ALIVE, 0, -1, withscores=True)
        pipeline.hgetall(_SERVES)

    def told(self, until: list[tuple[str, float]], serves: dict[str, str]) -> list[ModelInfo]:
        """The models, from the two answers to what `ask` asked."""
        found: dict[str, ModelInfo] = {}
        for text in self._live(until, serves).values():
            model = ModelInfo.model_validate_json(text)
            workers = found[model.name].workers + 1 if model.name in found else 1
            found[model.name] = model.model_copy(update={"workers": workers})
        return [found[name] for name in sorted(found)]

    def _serving(self) -> Any:
        with self._redis.pipeline(transaction=False) as pipeline:
            self.ask(pipeline)
            return pipeline.execute()

    def _live(self, until: list[tuple[str, float]], serves: dict[str, str]) -> dict[str, str]:
        """What every live worker serves, as JSON."""
        silent = [worker for worker, end in until if end <= time()]
        for worker in silent:
            self.retire(worker)
        return {worker: serves[worker] for worker, _ in until if worker in serves and worker not in silent}

    def publish_keeper(self, keeper: str, ttl_s: float) -> None:
        """Say that `keeper` is there and will say so again within `ttl_s` seconds."""
        self._redis.zadd(_KEEPERS, {keeper: time() + ttl_s})

    def retire_keeper(self, keeper: str) -> None:
        """Say that `keeper` is gone."""
        self._redis.zrem(_KEEPERS, keeper)

    def keepers(self) -> list[str]:
        """Names of the keepers that are alive."""
        self._redis.zremrangebyscore(_KEEPERS, "-inf", time())
        return list(self._redis.zrange(_KEEPERS, 0, -1))
