"""An example of what a JSON Schema describes, with every property, so that shapes can be compared with the schema."""

from __future__ import annotations

from typing import Any


def example(schema: dict[str, Any], root: dict[str, Any], name: str = "value") -> Any:  # noqa: PLR0911 - one for each kind of schema
    """Return a value with every property the schema names; no figure or text is null, and none is like another's."""
    if "$ref" in schema:
        return example(definition(schema["$ref"], root), root, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example(schema[several][0], root, name)
    types = schema["type"]
    kind = types if isinstance(types, str) else next(one for one in types if one != "null")
    if kind == "object":
        others = schema.get("additionalProperties")
        made = {key: example(value, root, key) for key, value in schema.get("properties", {}).items()}
        return made | ({"a": example(others, root, name)} if isinstance(others, dict) else {})
    if kind == "array":
        items = schema.get("prefixItems") or [schema["items"]]
        return [example(item, root, name) for item in items]
    if kind == "string":
        return name
    if kind == "boolean":
        return True
    low, high = schema.get("minimum", 0), schema.get("maximum", 100)
    number = low + (high - low) * (1 + sum(name.encode()) % 97) / 100
    return int(number) if kind == "integer" else number


def definition(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a document that a ``$ref`` names."""
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)
