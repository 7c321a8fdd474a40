"""The API's reference as Markdown, made from docs/openapi.json."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

_OPENING = """\
# API reference

Made from [openapi.json](openapi.json) by `make docs`. [The API](api.md) tells how to use it, with examples.
A deployed API wants `Authorization: Bearer TOKEN` for every route but those marked open.
"""
# JSON Schema's limits, in words.
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "`{}`",
}


def reference(openapi: Json) -> str:
    """Give one section a route, then one a schema.

    Parameters
    ----------
    openapi
        The description of the API, version 3.1.
    """
    lines = [_OPENING, "## Routes", ""]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            lines += _route(f"{method.upper()} {path}", operation)
    lines += ["## Schemas", ""]
    for name, schema in sorted(openapi["components"]["schemas"].items()):
        lines += _schema(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _route(title: str, operation: Json) -> Iterator[str]:
    access = " (open)" if operation.get("security") == [] else ""
    yield from (f"### {title}", "", f"{operation['summary']}.{access}", "")
    if parameters := operation.get("parameters"):
        yield from ("| parameter | in | type | |", "| --- | --- | --- | --- |")
        for parameter in parameters:
            notes = _cell(parameter.get("description", ""), parameter["schema"])
            yield f"| `{parameter['name']}` | {parameter['in']} | {_type(parameter['schema'])} | {notes} |"
        yield ""
    if body := operation.get("requestBody"):
        yield from ("Body, one of:" if len(body["content"]) > 1 else "Body:", "")
        yield from (f"- `{kind}`: {_content(content)}" for kind, content in body["content"].items())
        yield ""
    yield from ("| status | body | |", "| --- | --- | --- |")
    for status, answer in sorted(operation["responses"].items()):
        kinds = ", ".join(f"`{kind}`: {_content(content)}" for kind, content in answer.get("content", {}).items())
        yield f"| {status} | {kinds} | {answer['description']} |"
    yield ""


def _schema(name: str, schema: Json) -> Iterator[str]:
    # Docstrings are reStructuredText, where code has two backticks.
    yield from (f"### {name}", "", schema.get("description", "").replace("``", "`").replace("\n", " "), "")
    required = schema.get("required", [])
    yield from ("| field | type | |", "| --- | --- | --- |")
    for field, definition in schema.get("properties", {}).items():
        must = "" if field in required else "optional"
        notes = ", ".join(filter(None, [must, _cell(definition.get("description", ""), definition)]))
        yield f"| `{field}` | {_type(definition)} | {notes} |"
    yield ""


def _content(content: Json) -> str:
    schema = content.get("schema", {})
    if "contentMediaType" in schema:
        return "the image's bytes"
    if properties := schema.get("properties"):
        return "fields " + ", ".join(f"`{name}`" for name in properties)
    return _type(schema)


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf"):
        return " or ".join(_type(choice) for choice in choices)
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "items" in schema:
        return f"array of {_type(schema['items'])}"
    if isinstance(values := schema.get("additionalProperties"), Mapping):
        return f"object of {_type(values)}"
    kind = schema.get("type", "any")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _cell(description: str, schema: Json) -> str:
    limits = [template.format(schema[key]) for key, template in _LIMITS.items() if key in schema]
    for choice in schema.get("anyOf", []):
        limits += [template.format(choice[key]) for key, template in _LIMITS.items() if key in choice]
    # A default of more than a word (the warning) would fill the table.
    default = schema.get("default")
    if isinstance(default, bool | int | float):
        limits.append(f"default `{str(default).lower()}`")
    # A bar would end the table's cell.
    return "; ".join(filter(None, [description.rstrip("."), *limits])).replace("|", "\\|").replace("\n", " ")
