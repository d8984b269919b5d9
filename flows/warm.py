"""Warm: everything that a flow run imports, for the process that runs are forked from.

Only imports: a thread or a connection made here would be lost or shared in the forks.
"""

# What the engine and the flows import only when they come to need it.
import anyio._backends._asyncio
import anyio.streams.tls
import fastapi.encoders
import graphviz
import holidays
import holidays.countries.vietnam
import opentelemetry.metrics
import prefect._internal.metrics
import prefect.engine
import prefect.flow_engine
import prefect.utilities.visualization
import rich._emoji_codes

import flows.chase
import flows.deliver
import flows.escalation
import flows.plan
import flows.record
import flows.stage
import flows.start  # noqa: F401
