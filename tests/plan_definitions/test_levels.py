"""Levels: what is advised on a plan in which communes owe to districts, and these to a province."""

from __future__ import annotations

from plan_definitions import check
from tests.plan_definitions.plan_texts import sample
from tests.plan_definitions.test_structure import communes_report

GUIDE = (
    "      report:\n",
    "      guide:\n"
    "        title: Hướng dẫn cấp xã\n"
    "        by: huyen-chiem-hoa\n"
    "        to: none\n"
    "        concerning: communes\n"
    "        due: thường xuyên\n"
    "      report:\n",
)


def test_communes_that_owe_by_a_date_are_not_said_to_have_none():
    """Where the document itself sets the communes' date, the advice would be wrong."""
    undated = ("due: trước ngày 29/4/2020", "due: không hạn")

    dated = [found.kind for found in check(communes_report(GUIDE))]

    assert "communes-undated" not in dated
    assert "communes-undated" in [found.kind for found in check(communes_report(GUIDE, undated))]


def test_districts_that_fill_in_a_form_each_for_its_own_area_need_no_lead():
    """Two districts with one item each report their own; two departments would share it."""
    second = (
        "groups:\n",
        "  huyen-na-hang: {name: UBND huyện Na Hang, kind: district, email: nahang@mau.example}\n"
        "groups:\n",
    )
    communes = ("communes:\n", "communes:\n  huyen-na-hang: {xa-da-vi: {name: UBND xã Đà Vị}}\n")
    before = "        by: [departments, huyen-chiem-hoa]\n"

    def advised(by: str) -> list[str]:
        written = f"        by: {by}\n        appendix: Mục 6 Phụ lục VIII\n"
        found = check(sample((before, written), agencies=(second, communes)))
        assert not [one for one in found if one.is_fault]
        return [one.kind for one in found]

    assert "no-lead" not in advised("[huyen-chiem-hoa, huyen-na-hang]")
    assert "no-lead" in advised("departments")
