"""The supervisor keeps processes alive without ever importing torch; the processes here are fakes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from store import Store
from tests.workers.conftest import Process, job_of, send, until
from workers.settings import WorkerSettings

SUPERVISE = """
import sys
from workers.settings import WorkerSettings
from workers.supervisor import Supervisor
status = Supervisor(WorkerSettings(), ["-c", sys.argv[1]]).run()
assert "torch" not in sys.modules
sys.exit(status)
"""
NOTE_PID = "import os, signal, sys; open('pids', 'a').write(f'{os.getpid()}\\n'); "
FOREVER = NOTE_PID + "signal.signal(signal.SIGTERM, lambda *_: sys.exit()); signal.pause(); signal.pause()"
ORPHAN = """
import os, signal, sys
import store
from api_schemas import ModelInfo
from workers.lease import Heart
from workers.settings import WorkerSettings
settings = WorkerSettings()
model = ModelInfo(name="m", size=1, token_limit=1, guidance_scale=1)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
heart = Heart(store.open(settings), settings, sys.argv[-1], model)
heart.start()
open('pids', 'a').write(f'{os.getpid()}\\n')
while True: signal.pause()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def supervise(settings: WorkerSettings, folder: Path, worker: str, **more: str) -> Process:
    environment = {
        "PENTIMENTO_REDIS_URL": settings.redis_url,
        "PENTIMENTO_STORE": settings.store,
        "PENTIMENTO_DEVICES": "cpu",
        "PENTIMENTO_LEASE_S": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = folder / "log"
    with log.open("wb") as file:
        popen = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, worker],
            cwd=folder,
            env={**os.environ, **environment, **more},
            stderr=file,
        )
    return Process(popen, log)


def pids(folder: Path, count: int) -> list[int]:
    def look() -> list[int] | None:
        path = folder / "pids"
        found = [int(line) for line in path.read_text().splitlines()] if path.exists() else []
        return found if len(found) >= count else None

    return until(look, f"{count} processes")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_a_process_that_dies_is_replaced_and_sigterm_ends_all_with_status_0(
    settings: WorkerSettings, folder: Path
) -> None:
    supervisor = supervise(settings, folder, FOREVER)
    first = pids(folder, 1)[0]
    os.kill(first, signal.SIGKILL)
    second = pids(folder, 2)[1]
    assert supervisor.stop() == 0, supervisor.log.read_text()
    assert gone(second)


CORES = len(os.sched_getaffinity(0))
TELL = """
import os
with open('told', 'w') as file:
    print(os.environ.get('PENTIMENTO_THREADS'), os.environ.get('GOMP_SPINCOUNT'), file=file)
"""


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"PENTIMENTO_DEVICES": "cpu"}, "None 2000"),
        ({"PENTIMENTO_DEVICES": "cpu", "GOMP_SPINCOUNT": "7"}, "None 7"),
        ({"PENTIMENTO_DEVICES": "cuda:0"}, "None None"),
        ({"PENTIMENTO_DEVICES": "cuda:0,cuda:1"}, "None None"),
        ({"PENTIMENTO_DEVICES": "cpu, cpu"}, f"{max(1, CORES // 2)} 2000"),
        ({"PENTIMENTO_DEVICES": "cpu,cpu", "PENTIMENTO_THREADS": "3"}, "3 2000"),
    ],
)
def test_workers_on_the_cpu_share_it(
    settings: WorkerSettings, folder: Path, more: dict[str, str], told: str
) -> None:
    supervisor = supervise(settings, folder, TELL + FOREVER, **more)
    try:
        pids(folder, 1)
        assert (folder / "told").read_text() == f"{told}\n"
    finally:
        supervisor.stop()


def test_a_model_that_cannot_be_loaded_is_not_tried_for_ever(settings: WorkerSettings, folder: Path) -> None:
    supervisor = supervise(settings, folder, NOTE_PID + "sys.exit(os.EX_CONFIG)")
    assert supervisor.popen.wait(60) == os.EX_CONFIG
    assert len(pids(folder, 1)) == 1


def test_a_worker_does_not_outlive_its_supervisor(settings: WorkerSettings, folder: Path) -> None:
    supervisor = supervise(settings, folder, ORPHAN)
    worker = pids(folder, 1)[0]
    supervisor.popen.kill()
    supervisor.popen.wait(60)
    until(lambda: gone(worker), "the end of the worker")


def test_the_job_of_a_dead_process_is_queued_at_once(
    settings: WorkerSettings, folder: Path, shared: Store
) -> None:
    job = send(shared)
    begin = (
        NOTE_PID + "import store; from workers.settings import WorkerSettings; "
        f"store.open(WorkerSettings()).jobs.begin('{job.id}', sys.argv[-1], 3600); os._exit(9)"
    )
    supervisor = supervise(settings, folder, begin)
    try:
        until(lambda: shared.redis.hget(f"pentimento:job:{job.id}", "losses"), "the loss")
        assert not job_of(shared, job.id).status.terminal or pids(folder, 3)
    finally:
        supervisor.stop()


def test_a_port_for_metrics_that_is_taken_stops_no_work(settings: WorkerSettings, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = {"PENTIMENTO_WORKER_METRICS_PORT": str(taken.getsockname()[1])}
        supervisor = supervise(settings, folder, FOREVER, **port)
        assert pids(folder, 1)
        assert supervisor.stop() == 0
