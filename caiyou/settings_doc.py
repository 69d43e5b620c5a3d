"""The reference of every setting, from the models: ``python -m caiyou.settings_doc > docs/settings.md``.

A test compares the file with what is generated, so that it cannot go stale.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from caiyou.settings import Table, models_in, tables

HEAD = """\
# Settings

One TOML file, a table per component: the one that `$CAIYOU_CONFIG` names, else `etc/caiyou.toml` in the virtual
environment (a sandbox puts it there), else `/etc/caiyou/caiyou.toml`. What is not set has the default below. An unknown
key or a wrong value is refused at start, with the file, the line and what would be right; `caiyou config` prints what
is in force. Secrets stand in files of their own, one line each, readable by the daemons' user only.

This page is generated from the models: `python -m caiyou.settings_doc > docs/settings.md`.
"""


def markdown() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n{line}" for name, model in tables().items() for line in _table(name, model)) + "\n"


def _table(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"## [{name}]"
    if model.__doc__:
        yield ""
        yield " ".join(model.__doc__.strip().split("\n\n")[0].split())
    yield ""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    nested: list[tuple[str, type[BaseModel]]] = []
    for key, field in model.model_fields.items():
        inner = models_in(field.annotation)
        place = _nested_name(name, key, field.annotation)
        for one in inner:
            form = f' type = "{one.model_fields["type"].default}"' if len(inner) > 1 else ""
            nested.append((place + form, one))
        meaning = " ".join(filter(None, [field.description, _limits(field.metadata)]))
        cells = [f"`{key}`", _type(field.annotation), _default(field), meaning]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    for inner_name, inner_model in nested:
        yield from _table(inner_name, inner_model)


def _nested_name(name: str, key: str, annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is list:
        return f"[{name}.{key}]"  # an array of tables
    return f"{name}.{key}.NAME" if origin is dict else f"{name}.{key}"


def _type(annotation: Any) -> str:
    if annotation is type(None):
        return "absent"
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(args[0])
    if origin is typing.Literal:
        return ", ".join(f"`{a}`" for a in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(a) for a in args))
    if origin in (list, tuple, set, frozenset):
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"table of {_type(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _default(field: Any) -> str:
    if field.is_required():
        return "must be set"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return ""
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, enum.Enum):
        return _toml(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, BaseModel):
        return _toml(value.model_dump())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def _limits(metadata: list[Any]) -> str:
    """The bounds, in one parenthesis."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [f"{words[k]} {getattr(m, k)}" for m in metadata for k in words if getattr(m, k, None) is not None]
    return f"({', '.join(found)})" if found else ""


if __name__ == "__main__":
    print(markdown(), end="")
