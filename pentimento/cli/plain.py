"""Help in plain words: what to write for a value, not of which type it is."""

from typing import Any, Final

from typer.core import TyperGroup

_WRITTEN: Final = {
    "str": "TEXT",
    "int": "N",
    "int range": "N",
    "float": "NUMBER",
    "float range": "NUMBER",
    "path": "FILE",
    "file": "FILE",
    "directory": "FOLDER",
}


class PlainGroup(TyperGroup):
    """Commands whose options say `TEXT` and `N`, and which a list names by the first clause of their help."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command: Any = super().get_command(ctx, cmd_name)
        if command is not None:
            command.short_help = (command.help or "").partition("\n")[0].partition(";")[0].rstrip(".")
            for each in command.params:
                written = _WRITTEN.get(each.type.name)
                if each.metavar is None and written and not getattr(each, "is_flag", False):
                    each.metavar = written if each.param_type_name == "option" else each.name.upper()
        return command
