"""The operators' forms on a real server: what they offer, and what becomes of what is posted."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flows.forms import FORMS
from services import naming
from tests.acceptance.office import PLAN, Office, eventually

REAL = "tuyen-quang/37-kh-ubnd-2020.yaml"
SETTLED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
WHO = {"by": "Nguyễn Thị Lan, văn thư"}
BROKEN = "plan: hong\nnumber: 9/KH-UBND\ntitle: Kế hoạch có lỗi\nstages: {}\nladder: [\n"


class Pages:
    """Prefect's pages of forms, as a browser uses them."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask the API; with a body it is posted."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.office.port}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=self.office.headers,
        )
        answers: list[bytes] = []

        def answered() -> bool:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    answers.append(answer.read())
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE:  # SQLite was busy: ask again
                    raise
            return bool(answers)

        assert eventually(answered, 30)
        return json.loads(answers[0])

    def forms(self) -> dict[str, Any]:
        """The deployments that have a form, by name."""
        names = [form.deployment for form in FORMS]
        body = {"deployments": {"name": {"any_": names}}}
        return {one["name"]: one for one in self.ask("deployments/filter", body)}

    def submit(self, name: str, **values: Any) -> str:
        """Fill a form in, each value with what its picker calls it, and return the run's id."""
        deployment = self.forms()[name]
        fields = deployment["parameter_openapi_schema"]["properties"]
        filled = {key: one["default"] for key, one in fields.items() if "default" in one}
        for key, value in values.items():
            offered = {naming.id_of(one): one for one in fields[key].get("enum", [])}
            filled[key] = offered.get(value, value)
        body = {
            "parameters": filled,
            "state": {"type": "SCHEDULED"},
            "enforce_parameter_schema": deployment["enforce_parameter_schema"],
        }
        run = self.ask(f"deployments/{deployment['id']}/create_flow_run", body)
        return str(run["id"])

    def outcomes(self, *runs: str) -> list[tuple[str, str]]:
        """Wait until the runs have ended; return the names and messages of their states."""

        def states() -> list[Any]:
            found = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": list(runs)}}})
            by_id = {run["id"]: run["state"] for run in found}
            return [by_id[run] for run in runs]

        assert eventually(lambda: all(one["type"] in SETTLED for one in states()), 180)
        return [(one["name"], one["message"]) for one in states()]


def test_an_operator_does_everything_by_form(office: Office, tmp_path: Path):
    """Pickers of what is known, values posted as the page posts them, refusals in words."""
    office.environment["DONDOC_PLANS"] = str(_folder_of_plans(tmp_path / "ke-hoach"))
    office.up("--pretend", "2020-05-08T09:00:00+07:00")
    pages = Pages(office)

    _offers_plans(pages)
    started = pages.submit("start-plan", plan=REAL, started_at="2020-04-06T08:00:00+07:00", **WHO)
    (outcome,) = pages.outcomes(started)
    assert outcome[0] == "Completed", outcome
    _offers_what_plan_37_knows(pages)
    _takes_what_is_right(pages)
    _refuses_what_is_wrong(pages)
    assert office.down() == 0


def _folder_of_plans(folder: Path) -> Path:
    """A folder of an office's own: the real plan, and one that has faults."""
    for name in ("tuyen-quang", "agencies", "calendars"):
        shutil.copytree(PLAN.parents[1] / name, folder / name)
    (folder / "hong.yaml").write_text(BROKEN, encoding="utf-8")
    return folder


def _offers_plans(pages: Pages) -> None:
    """Before a plan runs there is only one to start, and the other forms say so."""
    shown = pages.forms()
    assert set(shown) == {form.deployment for form in FORMS}
    offered = _offered(shown["start-plan"], "plan")
    assert [naming.id_of(one) for one in offered] == ["hong.yaml", REAL]
    assert offered[1].startswith("37/KH-UBND – Tổng kết công tác cải cách hành chính")
    assert "start-plan" in shown["record-submission"]["description"]


def _offers_what_plan_37_knows(pages: Pages) -> None:
    """The forms have followed by the time that the start is done."""
    shown = pages.forms()
    for form in FORMS:
        fields = shown[form.deployment]["parameter_openapi_schema"]["properties"]
        counted = {"runs": 1, "agencies": 29, "tasks": 24, "events": 1, "plans": 2}
        for field in form.fields:
            assert fields[field.name]["title"] != field.name
            assert len(fields[field.name].get("enum", [])) == counted.get(field.offers, 0)
    submission = shown["record-submission"]
    assert _offered(submission, "agency")[16] == "Sở Tư pháp (so-tu-phap)"
    assert naming.id_of(_offered(submission, "run")[0]) == "kh37-2020"
    assert "/v2/artifacts/key/board-kh37-2020" in submission["description"]
    assert submission["tags"][0] == "Ghi báo cáo"


def _takes_what_is_right(pages: Pages) -> None:
    """Every form, with what its pickers call things; each is an entry in the ledger."""
    final, event = "agency-reports/final-report", "government.programme-issued"
    report = {"task": final, "dated": "2020-05-07", **WHO}
    first = [
        pages.submit("record-submission", agency="so-tu-phap", document="120/BC-STP", **report),
        pages.submit("record-submission", agency="so-y-te", **report),
        pages.submit("record-submission", agency="so-xay-dung", part=True, **report),
        pages.submit("report-difficulty", agency="thanh-tra", task=final, what="Vướng\nsố", **WHO),
        pages.submit("pause-chasing", agency="ban-dan-toc", why="Lũ quét", **WHO),
        pages.submit(
            "extend-deadline",
            agency="so-cong-thuong",
            task=final,
            until="2020-05-20",
            document="512/UBND-NC",
            **WHO,
        ),
        pages.submit(
            "waive-obligation", agency="huyen-na-hang", task=final, why="Đã sáp nhập", **WHO
        ),
        pages.submit("announce-event", event=event, document="76/NQ-CP", **WHO),
    ]
    _all_completed(pages, first)
    second = [
        pages.submit("return-report", agency="so-tu-phap", why="Thiếu Phụ lục II", days=3, **WHO),
        pages.submit("accept-report", agency="so-y-te", **WHO),
        pages.submit("withdraw-submission", agency="so-xay-dung", task=final, why="Nhầm", **WHO),
        pages.submit("answer-difficulty", agency="thanh-tra", answer="Tính từ 2012", **WHO),
        pages.submit("resume-chasing", agency="ban-dan-toc", **WHO),
        pages.submit("daily-brief", **WHO),
    ]
    _all_completed(pages, second)
    recorded = [entry for entry in pages.office.json("ledger") if entry["by"] == WHO["by"]]
    assert len(recorded) == 1 + len(first) + len(second)


def _refuses_what_is_wrong(pages: Pages) -> None:
    """One plain sentence each, and the ledger as it was."""
    before = pages.office.json("ledger")
    wrong = {
        "chưa có|không có báo cáo nào": pages.submit(
            "return-report", agency="so-tai-chinh", why="Thiếu", **WHO
        ),
        "chưa đến": pages.submit(
            "record-submission",
            agency="so-noi-vu",
            task="agency-reports/final-report",
            dated="2020-05-09",
            **WHO,
        ),
        "Thiếu lý do": pages.submit("pause-chasing", agency="so-noi-vu", why="  ", **WHO),
        "Thiếu số, ký hiệu": pages.submit("announce-event", document="", **WHO),
        "Kế hoạch có lỗi": pages.submit("start-plan", plan="hong.yaml", **WHO),
    }
    for (name, message), sentence in zip(pages.outcomes(*wrong.values()), wrong, strict=True):
        assert name == "Refused", message
        assert re.search(sentence, message), message
        assert "\n" not in message
        assert "Traceback" not in message
    assert pages.office.json("ledger") == before


def _all_completed(pages: Pages, runs: list[str]) -> None:
    for name, message in pages.outcomes(*runs):
        assert name in {"Completed", "Sent", "Announced"}, message


def _offered(deployment: Any, field: str) -> list[str]:
    found: list[str] = deployment["parameter_openapi_schema"]["properties"][field]["enum"]
    return found
