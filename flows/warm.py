"""Warm: everything that a flow run imports, for the process that runs are forked from.

Only imports: a thread or a connection made here would be lost or shared in the forks.
"""

import prefect._internal.metrics
import prefect.engine
import prefect.flow_engine

import flows.chase
import flows.deliver
import flows.record
import flows.stage
import flows.start  # noqa: F401
