"""Worker: Prefect's process worker, whose runs start warm.

The stock worker starts an interpreter for every run, and imports Prefect twice: three to
seven seconds before the first line of a flow. Here each run is forked from a process that
has imported everything and done nothing: no thread, no connection, no file of its own. All
else is the stock worker's: the pool and its type, a process for each run, cancelling,
crashes noticed, logs. `prefect worker start --pool dondoc` does the same work, slower.

`python -m flows.worker` runs one; `docs/adr/0008-…` says why.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import forkserver
from pathlib import Path

import anyio
import anyio.abc
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.runner._control_channel import ControlChannel
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.utilities.processutils import sanitize_subprocess_env, setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from flows.processes import POOL, PREFECT_FILE
from services import upkeep
from services.errors import Refused
from services.settings import Settings

# What the engine and the flows import only when they come to need it.
LATE = [
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "fastapi.encoders",
    "graphviz",
    "holidays.countries.vietnam",
    "opentelemetry.metrics",
    "prefect._internal.metrics",
    "prefect.engine",
    "prefect.flow_engine",
    "rich._emoji_codes",
]
VERIFY = 60.0  # seconds between two looks whether the database's schema is still ours
warm = multiprocessing.get_context("forkserver")


class WarmWorker(ProcessWorker):
    """Polls the pool as the stock worker does, and forks what it starts."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        """Stand beside the stock worker in Prefect's registry, not in its place."""
        return "dondoc"

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow run to its end in a forked process, and return how that ended.

        A deployment with a command of its own gets it, from the stock worker.
        """
        if configuration._command_configured:
            return await super().run(flow_run, configuration, task_status)
        ended: list[FlowRunExecutionResult | None] = []
        with tempfile.TemporaryDirectory(prefix="dondoc-") as folder:
            async with FlowRunExecutorContext() as context:
                executor = context.create_executor(
                    flow_run,
                    Forking(configuration, Path(folder), context.control_channel),
                    resolve_flow=load_flow_from_flow_run,
                    propose_submitting=False,
                )

                async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
                    ended.append(await executor.submit(task_status=task_status))

                async with anyio.create_task_group() as group:
                    handle: ProcessHandle = await group.start(execute)
                    if task_status is not None and handle.pid is not None:
                        task_status.started(handle.pid)
        result = ended[0]
        if result is None or result.status_code is None:
            raise RuntimeError("the flow run's process was not started")
        return ProcessWorkerResult(status_code=result.status_code, identifier=str(handle.pid))


class Forking:
    """Starts a flow run in a child of the warm process: a `ProcessStarter` of Prefect's."""

    def __init__(
        self, configuration: ProcessJobConfiguration, folder: Path, control: ControlChannel
    ) -> None:
        self._configuration = configuration
        self._folder = folder
        self._control = control

    async def start(
        self,
        flow_run: FlowRun,
        task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Start the process, say so, and wait until it has ended."""
        environment = self._configuration.env | {
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            # The worker runs these hooks: the process that they are about is gone.
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        with suppress(RuntimeError):  # no loopback to listen on: it is killed, not asked
            port, token = self._control.register(flow_run.id)
            environment |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        process = warm.Process(
            target=execute,
            args=(sanitize_subprocess_env(environment), str(self._folder)),
            name=flow_run.name,
        )
        await anyio.to_thread.run_sync(process.start)  # the first waits for the imports
        task_status.started(ProcessHandle(process))  # type: ignore[arg-type]
        await anyio.wait_readable(process.sentinel)
        process.join()


def execute(environment: Mapping[str, str], folder: str) -> None:
    """Be `python -m prefect.engine` in `folder`. Runs in the forked process."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = sys.argv[:1]  # the engine would take the worker's for a flow run's id
    sys.modules.pop("prefect.engine", None)  # run anew as the program, as `-m` does
    runpy.run_module("prefect.engine", run_name="__main__")


def _deployed() -> list[str]:
    """Return the modules of the flows in `prefect.yaml`."""
    deployments = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    return sorted({one["entrypoint"].rpartition(".")[0] for one in deployments})


async def work(worker: ProcessWorker, *, look: Callable[[], Refused | None]) -> None:
    """Run a worker until it ends, or until the schema is another version's; raises Refused then.

    Its runs would be refused one by one, and a worker that is up to date would not get them.
    """
    working = asyncio.create_task(worker.start())
    while not (await asyncio.wait({working}, timeout=VERIFY))[0]:
        refused = await asyncio.to_thread(look)
        if refused is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise refused
    await working


def main() -> None:
    """Run a worker of the pool until SIGTERM or Ctrl-C."""
    arguments = argparse.ArgumentParser(prog="python -m flows.worker", description=__doc__)
    # A name that stays: with one for each start the pool's page fills with workers gone.
    arguments.add_argument("--name", default=socket.gethostname())
    arguments.add_argument("--pool", default=POOL)
    given = arguments.parse_args()
    warm.set_forkserver_preload(LATE + _deployed())
    forkserver.ensure_running()
    worker = WarmWorker(work_pool_name=given.pool, name=given.name)
    # Prefect turns SIGTERM into SIGINT, which a shell's background jobs are born ignoring:
    # such a worker would never end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    try:
        asyncio.run(work(worker, look=partial(upkeep.outdated, Settings())))
    except Refused as refused:
        sys.exit(str(refused))
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


if __name__ == "__main__":
    main()
