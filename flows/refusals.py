"""Refusals: a wrong entry ends its run with one plain sentence, and changes nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from prefect.client.schemas.objects import State
from prefect.states import Failed

from plan_definitions import PlanFaults
from services.errors import DondocError
from services.settings import Settings

P = ParamSpec("P")


def as_state(
    body: Callable[P, Coroutine[Any, Any, State[Any]]],
) -> Callable[P, Coroutine[Any, Any, State[Any]]]:
    """Turn a refusal into a failed state whose message is the sentence, without a traceback."""

    @functools.wraps(body)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        language = Settings().language
        try:
            return await body(*args, **kwargs)
        except DondocError as error:
            return Failed(name="Refused", message=error.say(language))
        except PlanFaults as faults:
            return Failed(name="Refused", message=faults.say(language))

    return guarded
