"""Refusals: a wrong entry ends its run with one plain sentence, and changes nothing.

So does one that the database does not take, as while it is away.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from prefect.client.schemas.objects import State
from prefect.states import Failed
from sqlalchemy.exc import DBAPIError

from flows import office
from plan_definitions import PlanFaults
from services.errors import Refused, Unavailable
from services.settings import Settings
from services.wiring import unavailable
from storage.errors import StorageError

P = ParamSpec("P")


def as_state(
    body: Callable[P, Coroutine[Any, Any, State[Any]]],
) -> Callable[P, Coroutine[Any, Any, State[Any]]]:
    """Turn a refusal into a failed state whose message is the sentence, without a traceback.

    Its name is `Refused` where what was asked is at fault, `Failed` where something outside is.
    """

    @functools.wraps(body)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        language = Settings().language
        try:
            return await body(*args, **kwargs)
        except Refused as error:
            return Failed(name="Refused", message=error.say(language))
        except Unavailable as error:
            return Failed(message=error.say(language))
        except (DBAPIError, StorageError) as error:
            return Failed(message=unavailable(error, office.parts().database).say(language))
        except PlanFaults as faults:
            return Failed(name="Refused", message=faults.say(language))

    return guarded
