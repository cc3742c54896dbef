"""The command `python -m workers`: one worker process per device, restarted when one dies."""

import argparse
import sys

from store import logs
from workers.settings import WorkerSettings
from workers.supervisor import Supervisor


def main(arguments: list[str] | None = None) -> int:
    """Supervise workers until asked to stop; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--devices", help="by comma, such as cpu or cuda:0,cuda:1")
    asked = parser.parse_args(arguments)
    settings = WorkerSettings()
    if asked.devices:
        settings = settings.model_copy(update={"devices": asked.devices})
    logs.configure()
    return Supervisor(settings).run()


if __name__ == "__main__":
    sys.exit(main())
