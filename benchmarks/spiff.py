"""Spiff: as many due timers advanced and stored by SpiffWorkflow, a general workflow engine.

One workflow for each obligation, as an application of it would have: its ladder is a chain
of timers, of which the first is due. They stand serialized in one SQLite table, are read,
advanced, serialized and written in one transaction: what our chase does, without the mail.
"""

from __future__ import annotations

import sqlite3
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.util.task import TaskState

TIMER = """
<intermediateCatchEvent id="timer_{n}"><timerEventDefinition>
<timeDate>"{at}"</timeDate></timerEventDefinition></intermediateCatchEvent>"""
FLOW = '<sequenceFlow id="flow_{n}" sourceRef="{one}" targetRef="{other}"/>'
PAST, FUTURE = "2020-05-08T01:00:00+00:00", "2100-05-11T01:00:00+00:00"


def seconds_for(count: int, *, rungs: int) -> float:
    """Return the processor time of advancing and storing `count` due timers.

    Each is the first of a ladder of `rungs`, at least two.
    """
    serializer = BpmnWorkflowSerializer(registry=BpmnWorkflowSerializer.configure())
    text = serializer.serialize_json(_waiting(rungs))
    with TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "spiff.sqlite3")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE workflows (id INTEGER PRIMARY KEY, state TEXT)")
        database.executemany(
            "INSERT INTO workflows VALUES (?, ?)", ((n, text) for n in range(count))
        )
        database.commit()
        began = time.process_time()
        for number, state in database.execute("SELECT id, state FROM workflows").fetchall():
            workflow = serializer.deserialize_json(state)
            workflow.refresh_waiting_tasks()
            workflow.do_engine_steps()
            waits = [one.task_spec.name for one in workflow.get_tasks(state=TaskState.WAITING)]
            if waits != ["timer_2"]:
                raise SystemExit(f"the first timer should have fired: {waits}")
            database.execute(
                "UPDATE workflows SET state = ? WHERE id = ?",
                (serializer.serialize_json(workflow), number),
            )
        database.commit()
        spent = time.process_time() - began
        database.close()
    return spent


def _waiting(rungs: int) -> BpmnWorkflow:
    """Return a workflow that waits for its first timer, which is due."""
    names = ["start", *(f"timer_{n}" for n in range(1, rungs + 1)), "end"]
    flows = "".join(
        FLOW.format(n=n, one=one, other=other) for n, (one, other) in enumerate(pairwise(names))
    )
    timers = "".join(TIMER.format(n=n, at=PAST if n == 1 else FUTURE) for n in range(1, rungs + 1))
    model = (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d"'
        ' targetNamespace="dondoc"><process id="obligation" isExecutable="true">'
        f'<startEvent id="start"/>{timers}<endEvent id="end"/>{flows}</process></definitions>'
    )
    parser = BpmnParser()
    parser.add_bpmn_str(model.encode())
    workflow = BpmnWorkflow(parser.get_spec("obligation"))
    workflow.do_engine_steps()
    return workflow
