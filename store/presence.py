"""Which workers are alive and what they serve, and which keepers are."""

from typing import Any

from api_schemas import ModelInfo
from store.names import NAMES, PREFIX
from store.scripts import Scripts

_ALIVE, _SERVES, _KEEPERS = NAMES["WORKERS"], NAMES["SERVES"], NAMES["KEEPERS"]
_MODELS = NAMES["MODELS"]
_FAULT = f"{PREFIX}workers:fault"
_FAULT_S = 900

_Until = list[
    tuple[str, float]
]  # names, and until when each is taken to be alive, in the store's milliseconds
_Time = tuple[int, int]  # seconds and microseconds


class Presence:
    """Workers say every few seconds that they are there; those that fall silent count no more."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, "publish_worker", "publish_keeper")

    def publish(self, worker: str, model: ModelInfo, ttl_s: float) -> None:
        """Say that `worker` serves `model` and will say so again within `ttl_s` seconds."""
        about = model.model_dump_json()
        self._scripts.run("publish_worker", worker, about, model.name, round(ttl_s * 1000))

    def retire(self, worker: str) -> None:
        """Say that `worker` is gone."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(_SERVES, worker)
            pipeline.zrem(_ALIVE, worker)
            pipeline.execute()

    def workers(self) -> list[str]:
        """Names of the workers that are alive."""
        until, serves, now, _ = self._serving()
        return list(self._live(until, serves, now))

    def models(self) -> list[ModelInfo]:
        """What the live workers serve, by name; an entry counts the workers that serve it."""
        return [model for model in self.known().values() if model.workers]

    def known(self) -> dict[str, ModelInfo]:
        """By name the models that are served, and as last published those that were, with no workers."""
        return self.parse(*self._serving())

    @staticmethod
    def ask(pipeline: Any) -> None:
        """Ask for `known` along with whatever else the pipeline asks for."""
        pipeline.zrange(_ALIVE, 0, -1, withscores=True)
        pipeline.hgetall(_SERVES)
        pipeline.time()
        pipeline.hgetall(_MODELS)

    def parse(
        self, until: _Until, serves: dict[str, str], now: _Time, last: dict[str, str]
    ) -> dict[str, ModelInfo]:
        """The models, from the four answers to what `ask` asked."""
        found: dict[str, ModelInfo] = {}
        for text in self._live(until, serves, now).values():
            model = ModelInfo.model_validate_json(text)
            workers = found[model.name].workers + 1 if model.name in found else 1
            found[model.name] = model.model_copy(update={"workers": workers})
        for name in last.keys() - found.keys():
            found[name] = ModelInfo.model_validate_json(last[name]).model_copy(update={"workers": 0})
        return {name: found[name] for name in sorted(found)}

    def _serving(self) -> Any:
        with self._redis.pipeline(transaction=False) as pipeline:
            self.ask(pipeline)
            return pipeline.execute()

    @staticmethod
    def _live(until: _Until, serves: dict[str, str], now: _Time) -> dict[str, str]:
        """What every live worker serves, as JSON."""
        return {worker: serves[worker] for worker in _alive(until, now) if worker in serves}

    def publish_fault(self, reason: str, for_s: int = _FAULT_S) -> None:
        """Say why a worker cannot begin, or not yet; it is remembered for some minutes."""
        self._redis.set(_FAULT, reason, ex=for_s)

    def fault(self) -> str | None:
        """Why the last worker that could not begin could not."""
        found: str | None = self._redis.get(_FAULT)
        return found

    def publish_keeper(self, keeper: str, ttl_s: float) -> None:
        """Say that `keeper` is there and will say so again within `ttl_s` seconds."""
        self._scripts.run("publish_keeper", keeper, round(ttl_s * 1000))

    def retire_keeper(self, keeper: str) -> None:
        """Say that `keeper` is gone."""
        self._redis.zrem(_KEEPERS, keeper)

    def keepers(self) -> list[str]:
        """Names of the keepers that are alive."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrange(_KEEPERS, 0, -1, withscores=True)
            pipeline.time()
            return _alive(*pipeline.execute())


def _alive(until: _Until, now: _Time) -> list[str]:
    milliseconds = now[0] * 1000 + now[1] // 1000
    return [name for name, end in until if end > milliseconds]
