"""``python -m miniature.examples FOLDER``: the example pictures, rendered scenes named by what they show."""

from pathlib import Path
from typing import Annotated

import typer

from miniature.scenes import Scene
from miniature.things import Thing

EXAMPLES = {
    "cat": Scene(things=(Thing(object="cat", size=0.66),), seed=21),
    "fox": Scene(things=(Thing(object="fox", size=0.68, y=0.04),), background="snow", seed=22),
    "car": Scene(things=(Thing(object="car", colour="red", size=0.7, y=0.06),), background="sand", seed=23),
    "balloon": Scene(things=(Thing(object="balloon", colour="blue", size=0.66),), background="sky", seed=24),
    "apple": Scene(
        things=(Thing(object="apple", size=0.62),),
        background="wood",
        style="watercolour",
        leave_out=frozenset(),
        seed=25,
    ),
    "friends": Scene(
        things=(
            Thing(object="rabbit", x=-0.25, size=0.46),
            Thing(object="ball", colour="red", x=0.25, y=0.08, size=0.4),
        ),
        seed=26,
    ),
    "tree": Scene(things=(Thing(object="tree", size=0.74, y=0.02),), background="sand", seed=27, width=96),
}


def main(folder: Annotated[Path, typer.Argument(help="Where to write them.")]) -> None:
    """Write every example and a list of what they show."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Example pictures", "", "Made by `python -m miniature.examples examples`.", ""]
    for name, scene in EXAMPLES.items():
        scene.render().save(folder / f"{name}.png", optimize=True)
        lines.append(f"- `{name}.png`: {scene.caption}")
    (folder / "README.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    typer.run(main)
