"""The files that tests of the deployment read."""

from pathlib import Path
from typing import Any

import yaml

from service.keeper.settings import KeeperSettings
from service.settings import ServiceSettings
from workers.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
PROXY = "deploy/chart/files/nginx.conf"
SETTINGS = (ServiceSettings, KeeperSettings, WorkerSettings)


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())
