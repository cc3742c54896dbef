import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import pentimento
from api_schemas import EditRequest, Job
from parameters import EDITS, P2Plus, Plain, for_pictures
from pentimento.cli import app
from pentimento.cli.output import jobs_table
from store import Store

NO_IMAGE = "img_" + "a" * 26


def requests(shared: Store) -> list[EditRequest]:
    jobs, _ = shared.jobs.page("default", limit=10, kind="edit")
    return [EditRequest.model_validate(job.request) for job in jobs]


@pytest.mark.usefixtures("worker")
def test_invert_prints_the_id_and_edit_writes_the_picture(run: Any, cat: Path, tmp_path: Path) -> None:
    inverted = run("invert", str(cat), "--prompt", "a cat on grass")
    assert inverted.exit_code == 0, inverted.output
    image_id = inverted.stdout.strip()
    assert image_id.startswith("img_")
    edited = run("edit", image_id, "a dog on grass", "-o", "dog.png")
    assert edited.exit_code == 0, edited.output
    assert edited.stdout == "dog.png\n"
    picture = Image.open(io.BytesIO((tmp_path / "dog.png").read_bytes()))
    assert picture.getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.usefixtures("worker")
def test_several_prompts_are_numbered(run: Any, cat: Path, tmp_path: Path) -> None:
    image_id = run("invert", str(cat), "-p", "a cat on grass").stdout.strip()
    edited = run("edit", image_id, "a dog on grass", "a fox on grass", "-o", "pet.png")
    assert edited.stdout.split() == ["pet-1.png", "pet-2.png"]
    assert (tmp_path / "pet-1.png").read_bytes() != (tmp_path / "pet-2.png").read_bytes()


@pytest.mark.usefixtures("worker")
def test_json_is_one_document_and_nothing_else(run: Any, cat: Path) -> None:
    inverted = json.loads(run("invert", str(cat), "-p", "a cat on grass :cat:", "--json").stdout)
    assert (inverted["kind"], inverted["status"]) == ("invert", "succeeded")
    result = run("edit", inverted["image_id"], "a dog on grass :dog:", "--json")
    edited = json.loads(result.stdout)
    assert edited["files"] == ["edited.png"]
    assert edited["result"]["images"][0]["prompt"] == "a dog on grass :dog:"
    listed = json.loads(run("jobs", "--json").stdout)
    assert [job["kind"] for job in listed] == ["edit", "invert"]


def test_every_option_reaches_the_service(run: Any, cat: Path, shared: Store) -> None:
    image_id = run("invert", str(cat), "-p", "a cat on grass", "--no-wait").stdout.strip()
    asked = run(
        *("edit", image_id, "a dog on grass", "--no-wait", "--guidance", "5"),
        *("--tau-c", "0.8", "--tau-c", "dog=0.1:0.3", "--tau-s", "0.2:0.7", "--tau-v", "0.3"),
        *("--method", "p2plus", "--tau-u", "0:0.5", "--value-prompt", "a dog of ink"),
        *("--reweight", "grass=2", "--reweight", "dog=-1.5"),
        *("--blend", "cat", "--blend", "dog", "--subtract", "grass", "--feather", "2.5", "--diffedit-mask"),
        *("--combine-masks", "or", "--attention-steps", "4", "--proximal", "0.7"),
        *("--inversion-guidance", "1"),
        *("--param", "blend_threshold=0.4", "--param", "edit=refine"),
    )
    assert asked.exit_code == 0, asked.output
    [request] = requests(shared)
    assert request.guidance_scale == 5
    assert request.params.model_dump() == {
        "attention": False,
        "attention_steps": 4,
        "diffedit_mask": True,
        "combine_masks": "or",
        "feather": 2.5,
        "proximal": 0.7,
        "inversion_guidance": 1.0,
        "inversion_guidance_start": 0.6,
        "inversion_guidance_dilation": 1,
        "tau_v": 0.3,
        "tau_u": (0, 0.5),
        "value_prompt": "a dog of ink",
        "edit": "refine",
        "tau_c": {"default": 0.8, "dog": (0.1, 0.3)},
        "tau_s": (0.2, 0.7),
        "reweight": {"grass": 2.0, "dog": -1.5},
        "blend_words": ("cat", "dog"),
        "subtract_words": ("grass",),
        "blend_threshold": 0.4,
        "blend_start": 0.2,
        "blend_in": "picture",
        "blend_maps": "own",
        "padding": None,
        "reweight_window": 1.0,
    }


def test_every_method_and_parameter_can_be_given_by_name(run: Any, cat: Path, shared: Store) -> None:
    asked = run("invert", str(cat), "-p", "a cat", "--no-wait", "--method", "stylediffusion", "--steps", "9")
    image = shared.images.get(asked.stdout.strip())
    assert image is not None
    assert (image.method, image.steps) == ("stylediffusion", 9)
    params = ("--param", "tau_u=.5", "--param", "value_prompt=a dog", "--param", "attention=true")
    assert run("edit", image.id, "a dog", "--method", "p2plus", *params, "--no-wait").exit_code == 0
    [request] = requests(shared)
    assert request.params == P2Plus(tau_u=0.5, value_prompt="a dog", attention=True)
    choice = ("--inversion", "steps=12", "--inversion", 'params={"inner_steps": 3}')
    assert run("edit", image.id, "a dog", *choice, "--no-wait").exit_code == 0
    named = next(each.inversion for each in requests(shared) if each != request)
    assert named is not None
    assert named.params is not None
    assert (named.method, named.steps, named.params["inner_steps"]) == ("stylediffusion", 12, 3)
    run("invert", str(cat), "-p", "a tabby", "--no-wait")
    assert "stylediffusion, 9 steps, 'a cat' (pending)" in run("show", image.id).stdout


def test_the_options_are_those_of_all_methods(run: Any, cat: Path, shared: Store) -> None:
    for command, registry in (("edit", EDITS), ("invert", for_pictures())):
        shown = run(command, "--help").stdout
        fields = {name for method in registry.values() for name in method.model_fields}
        assert [name for name in fields if f"--{name.replace('_', '-')}" not in shown] == []
    named = ("--method", "edit-friendly", "--seed", "7", "--no-last-noise", "--guidance-scale", "2")
    image = shared.images.get(run("invert", str(cat), "-p", "a cat", "--no-wait", *named).stdout.strip())
    assert image is not None
    assert image.params == {"guidance_scale": 2.0, "seed": 7, "last_noise": False}
    options = ("--skip", ".2", "--negative-prompt", "blurred", "--seed", "3", "--preset", "published")
    asked = run("edit", image.id, "a dog", "--method", "plain", *options, "--no-wait")
    assert asked.exit_code == 0, asked.output
    [request] = requests(shared)
    assert request.params == Plain(skip=0.2)
    assert (request.negative_prompt, request.seed, request.guidance_scale) == ("blurred", 3, 15)
    refused = run("edit", image.id, "a dog", "--method", "p2p", "--tau-f", "0.2", "--no-wait")
    assert refused.exit_code == 1
    assert "tau_f" in refused.stderr


def test_methods_are_listed_and_shown(run: Any) -> None:
    listed = run("methods").stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [*for_pictures(), "auto", *EDITS]
    assert "default" in next(line for line in listed.splitlines() if line.startswith("auto "))
    shown = run("methods", "p2plus").stdout
    assert "needs path, start" in shown
    rows = {line.split()[0]: line for line in shown.splitlines()[4:]}
    assert set(rows) == {*P2Plus.model_fields, "steps", "guidance_scale"}
    assert rows["tau_u"].split()[1:3] == ["0.0", "0.5"]
    [found] = json.loads(run("methods", "plain", "--json").stdout)
    assert found["published"] == {"guidance_scale": 15.0, "skip": 0.36}
    unknown = run("methods", "p3p")
    assert unknown.exit_code == 1
    assert "p2plus" in unknown.stderr


@pytest.mark.usefixtures("worker")
def test_pictures_of_attention_are_written_into_a_folder(run: Any, cat: Path, tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    image_id = run("invert", str(cat), "-p", "a cat on grass").stdout.strip()
    edited = run("edit", image_id, "a dog's bed", "-o", "bed.png", "--attention", "maps")
    assert edited.stdout == "bed.png\n", edited.output
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {
        *("source-a.png", "source-cat.png", "source-on.png", "source-grass.png"),
        *("bed-a.png", "bed-dog-s.png", "bed-bed.png"),
    }
    plain = run("edit", image_id, "a dog", "--json")
    assert json.loads(plain.stdout)["result"]["images"][0]["attention"] is None


@pytest.mark.usefixtures("worker")
def test_what_layers_see_is_written_into_a_folder(run: Any, cat: Path, shared: Store, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    image_id = run("invert", str(cat), "-p", "a cat on grass").stdout.strip()
    drawn = run("features", image_id, "-o", "seen")
    assert drawn.stdout.split() == [
        "seen/step-0-up.1.resnets.1-source.png",
        "seen/step-0-up.1.resnets.1-1.png",
    ], drawn.output
    assert all((tmp_path / file).is_file() for file in drawn.stdout.split())
    several = run("features", image_id, "a dog", "a fox", "-o", "seen", "--json")
    assert len(json.loads(several.stdout)["files"]) == 3
    asked = [(each.method, each.targets) for each in requests(shared)]
    assert asked == [("pnp", ("a dog", "a fox")), ("pnp", ("a cat on grass",))]


def test_blend_changed_is_the_word_finder(run: Any, cat: Path, shared: Store) -> None:
    image_id = run("invert", str(cat), "-p", "a cat on grass", "--no-wait").stdout.strip()
    run("edit", image_id, "a dog on grass", "--no-wait", "--blend", "changed", "--tau-c", "0.5")
    [request] = requests(shared)
    assert (request.params.blend_words, request.params.tau_c) == ("changed", 0.5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("edit", NO_IMAGE, "a dog"), "There is no image"),
        (("cancel", "job_" + "a" * 26), "There is no job"),
    ],
)
def test_refusals_are_said_in_words_and_exit_1(run: Any, words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.usefixtures("worker")
def test_a_failed_job_exits_1_with_its_reason(run: Any, cat: Path) -> None:
    plain = run("invert", str(cat), "-p", "fail")
    assert plain.exit_code == 1
    assert "the latents are not finite" in plain.stderr
    scripted = run("invert", str(cat), "-p", "fail again", "--json")
    assert scripted.exit_code == 1
    assert json.loads(scripted.stdout)["error"]["code"] == "numerical_error"


@pytest.mark.parametrize(
    "words",
    [
        ("--tau-c", "much"),
        ("--tau-c", "0.1", "--tau-c", "0.2"),
        ("--tau-s", "0.1:x"),
        ("--tau-u", "x"),
        ("--attention", "no/such/folder"),
        ("--reweight", "grass"),
        ("--reweight", "grass=more"),
        ("--param", "novalue"),
        ("--output", "no/such/folder/dog.png"),
    ],
)
def test_malformed_options_are_usage_errors(run: Any, words: tuple[str, ...]) -> None:
    result = run("edit", NO_IMAGE, "a dog", *words)
    assert result.exit_code == 2
    assert words[0] in result.stderr


def test_jobs_are_a_table_with_whole_ids(run: Any, cat: Path) -> None:
    image_id = run("invert", str(cat), "-p", "a cat on grass", "--no-wait").stdout.strip()
    head, row = run("jobs").stdout.splitlines()
    assert head.split() == ["job", "kind", "status", "done", "image", "created"]
    assert row.split()[1:4] == ["invert", "queued", image_id]


def test_cancel(run: Any, cat: Path) -> None:
    job = json.loads(run("invert", str(cat), "-p", "a cat", "--no-wait", "--json").stdout)["job_id"]
    assert run("cancel", job).stdout == "canceled\n"


def test_without_a_service_it_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app, ["jobs", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "pentimento serve" in result.stderr


def test_serve_refuses_a_machine_without_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pentimento.cli.processes.find_spec", lambda _: None)
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert "pip install 'pentimento[service]'" in result.stderr


def test_help_says_what_to_write_and_not_of_which_type_it_is() -> None:
    for command in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        shown = CliRunner().invoke(app, [command, "--help"]).stdout
        assert not re.search(r"<(str|int|float|path|file|directory)\b|\bint range\b", shown), command
    edit = " ".join(CliRunner().invoke(app, ["edit", "--help"]).stdout.split())
    for written in ("--tau-c [WORD=]WINDOW", "--reweight WORD=NUMBER", "--seed N", "--blend WORD"):
        assert written in edit
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert "..." not in listed.partition("Commands:")[2]


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"pentimento {pentimento.__version__}\n"


def test_a_shell_completes_commands_and_options() -> None:
    def completed(line: str) -> str:
        asked = {
            "_PENTIMENTO_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        return CliRunner().invoke(app, [], prog_name="pentimento", env=asked).stdout

    assert completed("pentimento mo").split() == ["models"]
    assert "--tau-c" in completed("pentimento edit --tau").split()


@pytest.mark.usefixtures("worker")
def test_models_are_listed(run: Any) -> None:
    head, row = run("models").stdout.splitlines()
    assert head.split() == ["model", "family", "size", "device", "workers"]
    assert row.split()[0] == "miniature"
    assert json.loads(run("models", "--json").stdout)[0]["name"] == "miniature"


@pytest.mark.parametrize(
    ("status", "percent", "shown"),
    [
        ("processing", 99.9, "99 %"),
        ("failed", 100, "99 %"),
        ("succeeded", 100, "100 %"),
        ("queued", None, ""),
    ],
)
def test_a_hundred_percent_means_success(status: str, percent: float | None, shown: str) -> None:
    example = Job.model_config["json_schema_extra"]["examples"][0]
    progress = None if percent is None else {"phase": "edit", "step": 1, "total": 1, "percent": percent}
    job = Job.model_validate({**example, "status": status, "progress": progress})
    row = jobs_table([job]).splitlines()[1]
    assert row.split(status)[1].split("img_")[0].strip() == shown
