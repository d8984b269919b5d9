"""Settings page: the one table of what an installation may set."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.settings import PREFIX, Settings

PATH = "docs/settings.md"

HEAD = """\
# Settings

From the environment, and from nowhere else: no file is read that nobody named. To keep them in
a file, let the shell (`set -a; . ./dondoc.env`) or systemd (`EnvironmentFile=`) read it. Defaults
mail nobody. What can't be used is said in a sentence before anything starts; a variable that is
none, a mistyped one, is pointed out by `dondoc doctor`.

With `DONDOC_BRIEF=daily` the coordinator gets a message of the kind `brief` besides those that
`dondoc preview` shows; `off`, what the preview shows is all that goes out by itself.

| variable | default | values | meaning |
|---|---|---|---|
"""


def files() -> Mapping[str, str]:
    """Return the text of the page by its path from the root of the repository."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return {PATH: HEAD + "\n".join(rows) + "\n"}


def _row(name: str, field: FieldInfo) -> str:
    default = field.default.get_secret_value() if _is_secret(field) else field.default
    shown = f"`{default}`" if default not in ("", None) else ""
    return f"| `{PREFIX}{name.upper()}` | {shown} | {_values(field)} | {field.description} |"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    least = next((one.ge for one in field.metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    if least is not None:
        return f"{least}–{most}" if most is not None else f"{least} or more"
    if "Path" in str(field.annotation):
        return "a path"
    return "a secret" if _is_secret(field) else ""


def _is_secret(field: FieldInfo) -> bool:
    kinds = {*get_args(field.annotation), field.annotation} - {NoneType}
    return SecretStr in kinds
