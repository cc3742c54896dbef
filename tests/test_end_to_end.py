"""The product as a stranger meets it: real processes, the real model, nothing shared with the test."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from PIL import Image, ImageDraw


def test_serve_invert_edit_stop(
    folder: Path, environment: dict[str, str], serving: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = serving

    def pentimento(*words: str) -> str:
        command = [sys.executable, "-m", "pentimento", *words, "--url", url]
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    picture = Image.new("RGB", (96, 64), "green")
    ImageDraw.Draw(picture).ellipse((30, 15, 66, 51), fill="orange")
    picture.save(folder / "cat.png")

    image_id = pentimento("invert", "cat.png", "--prompt", "a cat on grass", "--steps", "6").strip()
    assert pentimento("edit", image_id, "a dog on grass", "-o", "dog.png") == "dog.png\n"
    dog = Image.open(io.BytesIO((folder / "dog.png").read_bytes()))
    result = httpx2.get(f"{url}/images/{image_id}", trust_env=False).json()["result"]
    working = Image.open(io.BytesIO(httpx2.get(url + result["source_url"], trust_env=False).content))
    assert dog.format == "PNG"
    assert dog.size == working.size == (result["width"], result["height"])
    assert dog.tobytes() != working.tobytes()

    again = json.loads(pentimento("edit", image_id, "a dog on grass", "-o", "again.png", "--json"))
    assert again["result"]["source_cached"] is True
    assert (folder / "again.png").read_bytes() == (folder / "dog.png").read_bytes()
    jobs = json.loads(pentimento("jobs", "--json"))
    assert [(job["kind"], job["status"]) for job in jobs] == [
        ("edit", "succeeded"),
        ("edit", "succeeded"),
        ("invert", "succeeded"),
    ]

    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "", "more than one line on stdout"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/healthz", trust_env=False)
    assert not (folder / "home" / "redis" / "redis.sock").exists()
    kept = (folder / "home" / "logs" / "keeper.log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in (kept[0], kept[-1])] == ["keeping", "stopped"]
