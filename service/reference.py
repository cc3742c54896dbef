"""The OpenAPI description as one page of HTML that needs no script and nothing from elsewhere."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

Json = Mapping[str, Any]

_STYLE: Final = Path(__file__).with_name("reference.css").read_text()
_REF: Final = "#/components/schemas/"
_CODE: Final = re.compile(r"`([^`]+)`")

# The digest lets in this very style and no other.
STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page(document: Json, root: str = "") -> str:
    """The whole page; `root` is the path under which the service is reached."""
    tags: dict[str, list[str]] = {}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            rows = tags.setdefault(operation.get("tags", ["other"])[0], [])
            rows.append(_operation(verb.upper(), root + path, operation))
    schemas = [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    parts = [f"<h2>{escape(tag)}</h2>{''.join(rows)}" for tag, rows in tags.items()]
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}: the API")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f"<main><h1>{title}</h1>{_text(info['description'])}"
        f'<p>For programs: <a href="{escape(root)}/openapi.json">openapi.json</a>. To try it: '
        f'<a href="{escape(root)}/">the studio</a>.</p>'
        f"{''.join(parts)}<h2>schemas</h2>{''.join(schemas)}</main></html>"
    )


def _operation(verb: str, path: str, operation: Json) -> str:
    name = operation["operationId"]
    parts = [_text(operation.get("description", ""))]
    if parameters := operation.get("parameters"):
        rows = (
            (
                _code(each["name"]),
                f"{escape(each['in'])}{_needed(each.get('required', False))}",
                _type(each["schema"]),
                _inline(each.get("description", "")),
            )
            for each in parameters
        )
        parts.append(_table(("Parameter", "In", "Type", ""), rows))
    bodies = operation.get("requestBody", {}).get("content", {})
    for media, body in bodies.items():
        parts.append(f"<h3>Body: {_code(media)}</h3>{_body(body['schema'])}")
    answers = (
        (_code(status), _contents(answer.get("content", {})), _inline(answer.get("description", "")))
        for status, answer in operation["responses"].items()
    )
    parts.append(f"<h3>Answers</h3>{_table(('Status', 'Body', ''), answers)}")
    head = f"<b>{verb}</b> {_code(path)} {escape(operation.get('summary', ''))}"
    return f'<details id="{escape(name)}"><summary>{head}</summary>{"".join(parts)}</details>'


def _schema(name: str, schema: Json) -> str:
    parts = [_text(schema.get("description", "")), _body(schema)]
    for example in schema.get("examples", []):
        parts.append(f"<pre>{escape(_short(json.dumps(example, indent=2, ensure_ascii=False)))}</pre>")
    return f'<details id="{escape(name)}"><summary>{_code(name)}</summary>{"".join(parts)}</details>'


def _body(schema: Json) -> str:
    """The fields of an object, or of one of several, else what it is."""
    forms = [form for form in schema.get("anyOf", ()) if "properties" in form]
    if forms:
        return "<p>or</p>".join(map(_body, forms))
    if "properties" not in schema:
        return f"<p>{_type(schema)}</p>"
    required = schema.get("required", [])
    rows = (
        (
            _code(name) + _needed(name in required),
            _type(field),
            _default(field),
            _inline(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    )
    return _table(("Field", "Type", "Default", ""), rows)


def _type(schema: Json) -> str:
    """What a value may be, with links to the schemas that it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#{name}">{name}</a>'
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(each) for each in several))
    if "const" in schema:
        return _code(json.dumps(schema["const"]))
    if "enum" in schema:
        return " ".join(_code(json.dumps(each)) for each in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        items = schema.get("items")
        of = _type(items) if isinstance(items, dict) else "values"
        return f"list of {of}"
    return escape(" ".join([kind, *_bounds(schema)]))


def _bounds(schema: Json) -> Iterable[str]:
    named = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
        "maxLength": "of at most",
        "format": "as",
    }
    return (f"{word} {schema[name]}" for name, word in named.items() if name in schema)


def _contents(content: Json) -> str:
    return "<br>".join(
        f"{_code(media)} {_type(body['schema']) if body.get('schema') else ''}"
        for media, body in content.items()
    )


def _default(field: Json) -> str:
    return _code(json.dumps(field["default"])) if field.get("default") is not None else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = "".join(f"<th scope=col>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _text(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _code(text: str) -> str:
    return f"<code>{escape(text, quote=False)}</code>"


def _needed(required: bool) -> str:
    return ", needed" if required else ""


def _short(text: str) -> str:
    """An example without the tail of a picture in base64."""
    return re.sub(r"([A-Za-z0-9+/]{24})[A-Za-z0-9+/=]{40,}", r"\1…", text)
