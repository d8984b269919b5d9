"""YAML as editors read it: by version 1.2 and its core types, not as this program does.

The language server behind most editors does so: `no` is a word, 2020-04-06 and 08:00 are
text, 010 is ten. Keys are text, as in JSON.
"""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Core(yaml.SafeLoader):
    """Reads scalars by the core schema of YAML 1.2 (section 10.3.2)."""


_Core.yaml_implicit_resolvers = {}
for tag, pattern in (
    ("null", r"|~|null|Null|NULL"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})$"), None)


def _whole(loader: _Core, node: yaml.ScalarNode) -> int:
    written = loader.construct_scalar(node)
    return int(written, {"0o": 8, "0x": 16}.get(written[:2], 10))


_Core.add_constructor("tag:yaml.org,2002:int", _whole)


def read(text: str) -> Any:
    """Return what an editor makes of a YAML text."""
    return _named(yaml.load(text, Loader=_Core))


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _named(inner) for key, inner in value.items()}
    return [_named(item) for item in value] if isinstance(value, list) else value
