"""Deploying: everything in `prefect.yaml`, brought to the server in a process of its own.

What it comes to follows from that file, the flows and the settings: their fingerprint is
kept, so that a start that changes nothing need not deploy again. Prefect is imported only
by the process that deploys (`python -m flows.deploying`).
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

from flows.processes import POOL, PREFECT_FILE, Address, asking
from services.settings import Settings

KEPT = "deployed.json"


@cache
def wanted() -> dict[str, Any]:
    """Return what `prefect.yaml` says."""
    read: dict[str, Any] = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
    return read


def names() -> list[str]:
    """Return the names of the deployments."""
    return [str(one["name"]) for one in wanted()["deployments"]]


def triggers() -> list[str]:
    """Return the names of the automations that come with the deployments."""
    found = (trigger for one in wanted()["deployments"] for trigger in one.get("triggers", ()))
    return [str(trigger["name"]) for trigger in found]


def fingerprint(address: Address, settings: Settings) -> str:
    """Return what changes when the deployments should."""
    said = hashlib.sha256(PREFECT_FILE.read_bytes())
    for folder in ("flows", "language"):
        for file in sorted((PREFECT_FILE.parent / folder).rglob("*")):
            if file.suffix in (".py", ".toml"):
                said.update(file.read_bytes())
    versions = [metadata.version(name) for name in ("dondoc", "prefect")]
    about = [address.api, address.pool, settings.language, str(settings.plans_folder), *versions]
    said.update(json.dumps(about).encode())
    return said.hexdigest()


def is_kept(address: Address, mark: str) -> bool:
    """Say whether it was this that was deployed last."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((address.home / KEPT).read_text(encoding="utf-8"))
        return bool(kept["fingerprint"] == mark)
    return False


def keep(address: Address, mark: str) -> None:
    """Remember what was deployed."""
    text = json.dumps({"fingerprint": mark, "api": address.api})
    (address.home / KEPT).write_text(text, encoding="utf-8")


def forget(address: Address) -> None:
    """Forget what was deployed, as before it is done anew."""
    (address.home / KEPT).unlink(missing_ok=True)


async def are_there(address: Address) -> bool:
    """Say whether the server has the pool, every deployment, every automation of ours.

    One that somebody switched off is there. Raises httpx.HTTPError.
    """
    # In the pool: one that was deleted and made again has none, and no worker takes their runs.
    looked_for = {
        "deployments": {"name": {"any_": names()}},
        "work_pools": {"name": {"any_": [address.pool]}},
    }
    async with asking(address, patience=10) as http:
        answer = await http.post(f"{address.api}/deployments/count", json=looked_for)
        answer.raise_for_status()
        if int(answer.json()) < len(names()):
            return False
        automations = await http.post(f"{address.api}/automations/filter", json={})
        automations.raise_for_status()
        if {*triggers()} - {one["name"] for one in automations.json()}:
            return False
        pool = await http.get(f"{address.api}/work_pools/{address.pool}")
    if pool.status_code == httpx.codes.NOT_FOUND:
        return False
    pool.raise_for_status()
    return True


def _deploy(file: Path) -> int:
    """Be `prefect deploy --all` in this process, and return its exit code."""
    from prefect.cli import app

    for one in wanted()["deployments"]:  # what takes long needs no server
        importlib.import_module(one["entrypoint"].rpartition(".")[0])
    sys.stdin.read()  # whoever started this ends its input once the server is there
    sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _with_pool(pool: str, folder: Path) -> Path:
    """Return the file to deploy: ours, or a copy of it with another work pool."""
    if pool == POOL:
        return PREFECT_FILE
    copy = wanted() | {
        "deployments": [one | {"work_pool": {"name": pool}} for one in wanted()["deployments"]]
    }
    file = folder / PREFECT_FILE.name
    file.write_text(yaml.safe_dump(copy, allow_unicode=True), encoding="utf-8")
    return file


def main() -> int:
    """Deploy; with `--forms` bring the forms up, too. The environment says where."""
    forms_too = "--forms" in sys.argv
    with TemporaryDirectory(prefix="dondoc-") as folder:
        code = _deploy(_with_pool(Settings().pool, Path(folder)))
    if code == 0 and forms_too:
        from flows import forms, office

        asyncio.run(forms.show(office.parts()))
    return code


if __name__ == "__main__":
    sys.exit(main())
