"""Names stand where a Vietnamese reader looks for them."""

from __future__ import annotations

from random import Random

from language.ordering import alphabetical


def test_names_stand_as_in_a_vietnamese_register():
    """Đ comes after d, ê after e, and a syllable is compared before its tone."""
    names = [
        "Ban Dân tộc",
        "Bàn Thạch",
        "Bản Thi",
        "Báo Tuyên Quang",
        "Đài Phát thanh",
        "Sở Giao thông vận tải",
        "Sở Giáo dục và Đào tạo",
        "Sở Nội vụ",
        "Sở Nông nghiệp",
        "Sở Tài chính",
        "UBND huyện Sơn Dương",
        "UBND huyện Yên Sơn",
    ]
    mixed = Random(7).sample(names, len(names))

    assert sorted(mixed, key=alphabetical) == names


def test_numbers_come_before_letters_and_capitals_count_for_nothing():
    """A list of wards and units by number is read first."""
    assert sorted(["xã b", "Xã A", "12 Tổ", "Wards"], key=alphabetical) == [
        "12 Tổ",
        "Wards",
        "Xã A",
        "xã b",
    ]
