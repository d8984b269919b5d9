"""Address: how one stands in a header and on the wire; what can't is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.errors import BadAddress
from notifiers.mime.address import checked_address, needs_smtputf8, wire_address


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("vanthu@so-y-te.example", "vanthu@so-y-te.example"),
        ("Van.Thu+1@SO-Y-TE.example", "Van.Thu+1@SO-Y-TE.example"),
        ("a@tuyênquang.example", "a@xn--tuynquang-n4a.example"),
        ("a@TUYÊNQUANG.Example", "a@xn--tuynquang-n4a.example"),
        ("a@tuye\u0302nquang.example", "a@xn--tuynquang-n4a.example"),
        ("văn.thư@b.example", "văn.thư@b.example"),
        ("va\u0306n@tuyênquang.example", "văn@xn--tuynquang-n4a.example"),
    ],
)
def test_a_server_is_told_the_domain_in_its_plain_form(address: str, wire: str):
    """However its letters were typed; the part before the @ is the server's own matter."""
    assert wire_address(address) == wire
    assert needs_smtputf8(wire) is not wire.isascii()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no-at",
        "@b.example",
        "a@",
        "a@b@c.example",
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "a@b.example\n",
        "văn thư@b.example",
        "văn\u00a0thư@b.example",
        "văn\u200bthư@b.example",
        "văn\u202ethư@b.example",
        "văn\r\nthư@b.example",
        "văn<thư@b.example",
        '"văn thư"@b.example',
        "văn..thư@b.example",
        ".văn@b.example",
        "\ud83d@b.example",
        "a@tuyên\u200bquang.example\n",
        "a@tuyên quang.example",
        "a@-tuyên.example",
        "a@tuyên..example",
        "a@tuyên>.example",
        "a@" + "ê" * 64 + ".example",
        "ê" * 130 + "@b.example",
        "a" * 250 + "@b.example",
    ],
)
def test_what_is_no_address_is_refused(address: str):
    """Better no mail than one that goes to somebody else."""
    with pytest.raises(BadAddress):
        wire_address(address)


def test_a_header_holds_no_letter_that_is_not_plain():
    """Whoever gets the mail may have a server that does not speak SMTPUTF8."""
    assert checked_address("a@tuyênquang.example") == "a@xn--tuynquang-n4a.example"
    with pytest.raises(BadAddress):
        checked_address("văn-thư@b.example")


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_slips_a_command_in(local: str, domain: str):
    """Whatever is typed: refused, or one word without brackets, spaces and line breaks."""
    try:
        wire = wire_address(f"{local}@{domain}")
    except BadAddress:
        return
    assert not set(wire) & set('\r\n\0 <>,;"\\()')
    assert wire.count("@") == 1
    assert len(wire.encode()) <= 254
    assert wire_address(wire) == wire
