"""Form: the empty letter, laid out as Decree 30/2020/NĐ-CP has it, with marks for its words.

`python -m notifiers.letters.form` makes it anew; it stands in `templates/letter.docx`, and
Word opens it. Sizes are in points, lengths in millimetres; the numbers beside them are those
of the decree's Appendix I. The words stand in the catalogue (`letter.*`): the form holds
only marks of Jinja, which docxtpl fills in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from docx import Document
from docx.document import Document as Docx
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Length, Mm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

from notifiers.letters.measures import FILE, ISSUER, ISSUER_RULE
from notifiers.letters.packing import packed

FONT = "Times New Roman"  # I.4
PAGE = (210, 297)  # I.1: A4, upright
MARGINS = (20, 15, 20, 30)  # I.3: top, right, bottom, left
WIDTH = PAGE[0] - MARGINS[1] - MARGINS[3]
NATION = WIDTH - ISSUER  # the two columns of the heading
MOTTO = 60.5  # how long the motto is, bold in 14 points: the rule below it is as long (II.1)
RECIPIENTS, SIGNATURE = 75, 90
COLUMNS = (12, 44, 23, 20, 66)  # of the table of late bodies
_MADE = datetime(2020, 3, 5, tzinfo=UTC)  # the day of the decree: the form has no other
_KEPT = {"Normal", "Default Paragraph Font", "Normal Table", "No List"}
_SIDES = ("top", "left", "bottom", "right")


@dataclass(frozen=True, slots=True)
class _Look:
    """How a paragraph looks; `before` in points, `indent` of its first line, `sides` of it all."""

    name: str
    size: float
    align: str = "CENTER"
    bold: bool = False
    italic: bool = False
    before: float = 0
    indent: float = 0
    sides: tuple[float, float] = (0, 0)
    spacing: float = 1.0
    with_next: bool = False


_LOOKS = (
    _Look("Issuer Above", 13),  # II.2
    _Look("Issuer", 13, bold=True),
    _Look("Nation", 13, bold=True),  # II.1
    _Look("Motto", 14, bold=True),
    _Look("Number", 13, before=8),  # II.3
    _Look("Place", 14, italic=True, before=8),  # II.4
    _Look("About", 12, before=6),  # II.5: 6 points below the number
    _Look("Draft", 13, bold=True, before=8, sides=(18, 18)),
    _Look("To", 14, before=14),  # II.9
    _Look("To List Lead", 14, "LEFT", before=14, sides=(30, 0), with_next=True),
    _Look("To List", 14, "LEFT", sides=(45, 0)),
    _Look("Body", 14, "JUSTIFY", before=6, indent=12.7),  # II.6
    _Look("Body Lead", 14, "JUSTIFY", before=6, indent=12.7, with_next=True),
    _Look("Task", 14, "JUSTIFY", bold=True, before=6, indent=12.7, with_next=True),
    _Look("Cell Head", 12, bold=True),
    _Look("Cell", 12, "LEFT", before=1),
    _Look("Cell Middle", 12, before=1),
    _Look("Cell Task", 12, "LEFT", bold=True, before=1, with_next=True),
    _Look("Cell Chain", 12, "LEFT", italic=True, before=1, with_next=True),
    _Look("Recipients Lead", 12, "LEFT", bold=True, italic=True),  # II.9
    _Look("Recipients", 11, "LEFT"),
    _Look("Power", 14, bold=True),  # II.7
    _Look("Signer", 14, bold=True, before=60),
    _Look("Page Number", 14),  # I.7
    _Look("Draft Note", 10, italic=True),
    _Look("Gap", 4, with_next=True),
    _Look(ISSUER_RULE, 2, before=3, sides=(20, 20)),
    _Look("Motto Rule", 2, before=3, sides=((NATION - MOTTO) / 2,) * 2),
)


def form() -> bytes:
    """Return the form as a file of Word; the same bytes each time."""
    document = Document()
    _bare(document)
    _styles(document)
    _settings(document)
    _page(document)
    _head(document)
    _whom(document)
    _content(document)
    _foot(document)
    _properties(document)
    written = BytesIO()
    document.save(written)
    return packed(written.getvalue(), _MADE)


def _bare(document: Docx) -> None:
    """Leave out what the library's own file brings along and no letter needs."""
    document.element.body.clear_content()
    for part in (document.part, document.part.package):
        for key, found in list(part.rels.items()):
            kind = found.reltype.rsplit("/", 1)[-1]
            if kind not in {"officeDocument", "core-properties", "styles", "settings", "fontTable"}:
                del part.rels[key]


def _styles(document: Docx) -> None:
    styles = document.styles
    for style in list(styles):
        if style.name not in _KEPT:
            style.element.getparent().remove(style.element)
    defaults = styles.element.find(qn("w:docDefaults"))
    assert defaults is not None
    for name in ("w:rPr", "w:pPr"):
        for found in list(defaults.iter(qn(name))):
            for child in list(found):
                found.remove(child)
    for latent in styles.element.findall(qn("w:latentStyles")):
        styles.element.remove(latent)
    normal = styles["Normal"]
    normal.font.size = Pt(14)
    properties = normal.element.get_or_add_rPr()
    properties.insert(0, _element("w:rFonts", **dict.fromkeys(_FONTS, FONT)))
    properties.append(_element("w:lang", val="vi-VN", eastAsia="vi-VN", bidi="ar-SA"))
    for look in _LOOKS:
        _style(document, look)
    for name in (ISSUER_RULE, "Motto Rule"):
        _border(styles[name].element.get_or_add_pPr(), ("top",), room=0)
    _border(styles["Draft"].element.get_or_add_pPr(), _SIDES, room=2)


_FONTS = ("ascii", "hAnsi", "eastAsia", "cs")


def _style(document: Docx, look: _Look) -> None:
    style = document.styles.add_style(look.name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Normal"]
    style.font.size, style.font.bold, style.font.italic = Pt(look.size), look.bold, look.italic
    form = style.paragraph_format
    form.alignment = getattr(WD_ALIGN_PARAGRAPH, look.align)
    form.space_before, form.space_after = Pt(look.before), Pt(0)
    form.line_spacing_rule = WD_LINE_SPACING.SINGLE
    if look.spacing != 1.0:
        form.line_spacing = look.spacing
    form.left_indent, form.right_indent = (Mm(side) for side in look.sides)
    form.first_line_indent = Mm(look.indent)
    form.keep_with_next = look.with_next
    form.widow_control = True


def _border(properties: BaseOxmlElement, sides: Sequence[str], *, room: int) -> None:
    borders = OxmlElement("w:pBdr")
    for side in sides:
        borders.append(_element(f"w:{side}", val="single", sz="6", space=str(room), color="000000"))
    following = ("w:spacing", "w:ind", "w:jc")  # the schema's order
    place = next(i for i, child in enumerate(properties) if child.tag in map(qn, following))
    properties.insert(place, borders)


def _settings(document: Docx) -> None:
    """Say no more than how old the rules of layout are: those of Word 2013 and after."""
    settings = document.settings.element
    for child in list(settings):
        settings.remove(child)
    settings.append(_element("w:zoom", percent="100"))
    settings.append(_element("w:defaultTabStop", val="720"))
    compatible = OxmlElement("w:compat")
    uri = "http://schemas.microsoft.com/office/word"
    compatible.append(_element("w:compatSetting", name="compatibilityMode", uri=uri, val="15"))
    settings.append(compatible)


def _page(document: Docx) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(PAGE[0]), Mm(PAGE[1])
    top, right, bottom, left = (Mm(margin) for margin in MARGINS)
    section.top_margin, section.right_margin = top, right
    section.bottom_margin, section.left_margin = bottom, left
    section.header_distance, section.footer_distance = Mm(9), Mm(9)
    section.different_first_page_header_footer = True  # I.7: the first page has no number
    number = section.header.paragraphs[0]
    number.style = document.styles["Page Number"]
    number._p.append(_element("w:fldSimple", instr="PAGE"))
    section.first_page_header.paragraphs[0].style = document.styles["Page Number"]
    for footer in (section.footer, section.first_page_footer):
        footer.paragraphs[0].style = document.styles["Draft Note"]
        footer.paragraphs[0].add_run("{{ letter.footer }}")


def _head(document: Docx) -> None:
    table = _grid(document, (ISSUER, NATION), rows=2)
    (issuer, nation), (number, place) = (row.cells for row in table.rows)
    _say(issuer, "Issuer Above", "{%p if letter.heading.above %}")
    _say(issuer, "Issuer Above", "{{ letter.heading.above }}")
    _say(issuer, "Issuer Above", "{%p endif %}")
    _say(issuer, "Issuer", "{{ letter.heading.issuer }}")
    _say(issuer, ISSUER_RULE, "")
    _say(nation, "Nation", "{{ letter.heading.nation }}")
    _say(nation, "Motto", "{{ letter.heading.motto }}")
    _say(nation, "Motto Rule", "")
    _say(number, "Number", "{{ letter.heading.number }}")
    _say(number, "About", "{{ letter.about }}")
    _say(number, "Draft", "{{ letter.draft }}")
    _say(place, "Place", "{{ letter.heading.place }}")


def _whom(document: Docx) -> None:
    _say(document, "To", "{%p if letter.to | length == 1 %}")
    _say(document, "To", "{{ letter.to_lead }} {{ letter.to[0] }}")
    _say(document, "To", "{%p else %}")
    _say(document, "To List Lead", "{{ letter.to_lead }}")
    _say(document, "To List", "{%p for name in letter.to %}")
    _say(document, "To List", "- {{ name }}{{ '.' if loop.last else ';' }}")
    _say(document, "To List", "{%p endfor %}")
    _say(document, "To", "{%p endif %}")
    _say(document, "Gap", "")


def _content(document: Docx) -> None:
    _say(document, "Body Lead", "{{ letter.opening }}")
    _say(document, "Body", "{%p for item in letter.items %}")
    numbered = "{% if letter.items | length > 1 %}{{ loop.index }}. {% endif %}"
    _say(document, "Task", numbered + "{{ item.title }}")
    _say(document, "Body", "{%p for fact in item.facts %}")
    _say(document, "Body", "- {{ fact }}")
    _say(document, "Body", "{%p endfor %}")
    _say(document, "Body", "{%p endfor %}")
    _say(document, "Body", "{%p if letter.table %}")
    _say(document, "Body", "{%p if letter.table.opening %}")
    _say(document, "Body Lead", "{{ letter.table.opening }}")
    _say(document, "Body", "{%p endif %}")
    _say(document, "Gap", "")
    _table(document)
    _say(document, "Body", "{%p endif %}")
    _say(document, "Body", "{%p for request in letter.requests %}")
    _say(document, "Body Lead", "{{ request.lead }}")
    _say(document, "Body", "{%p for point in request.points %}")
    _say(document, "Body", "{{ loop.index }}. {{ point }}")
    _say(document, "Body", "{%p endfor %}")
    _say(document, "Body", "{%p endfor %}")
    _say(document, "Body", "{%p for closing in letter.closings %}")
    _say(document, "Body Lead", "{{ closing }}")
    _say(document, "Body", "{%p endfor %}")


def _table(document: Docx) -> None:
    """Lay out the late bodies, under a row that heads every page that they run over."""
    table = _grid(document, COLUMNS, rows=7, inner=1.5)
    _ruled(table)
    head, each_group, group, each_row, row, end_rows, end_groups = table.rows
    for place, cell in enumerate(head.cells):
        _say(cell, "Cell Head", f"{{{{ letter.table.columns[{place}] }}}}")
    head._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for control, tag in (
        (each_group, "for group in letter.table.groups"),
        (each_row, "for row in group.rows"),
        (end_rows, "endfor"),
        (end_groups, "endfor"),
    ):
        _say(control.cells[0], "Cell", f"{{%tr {tag} %}}")
    whole = group.cells[0].merge(group.cells[-1])
    marked = "{% if group.mark %}{{ group.mark }}. {% endif %}"
    _say(whole, "Cell Task", marked + "{{ group.title }}")
    _say(whole, "Cell Chain", "{%p for chain in group.chains %}")
    _say(whole, "Cell Chain", "{{ chain }}")
    _say(whole, "Cell Chain", "{%p endfor %}")
    for cell, style, mark in zip(
        row.cells,
        ("Cell Middle", "Cell", "Cell Middle", "Cell Middle"),
        ("number", "name", "due", "days"),
        strict=False,
    ):
        _say(cell, style, f"{{{{ row.{mark} }}}}")
    _say(row.cells[-1], "Cell", "{%p for told in row.told %}")
    _say(row.cells[-1], "Cell", "{{ told }}")
    _say(row.cells[-1], "Cell", "{%p endfor %}")
    for found in (head, group, row):
        _whole(found)


def _foot(document: Docx) -> None:
    _say(document, "Gap", "")
    table = _grid(document, (RECIPIENTS, SIGNATURE), rows=1)
    _whole(table.rows[0])
    recipients, signature = table.rows[0].cells
    _say(recipients, "Recipients Lead", "{{ letter.recipients_lead }}")
    _say(recipients, "Recipients", "{%p for line in letter.recipients %}")
    _say(recipients, "Recipients", "{{ line }}")
    _say(recipients, "Recipients", "{%p endfor %}")
    _say(signature, "Power", "{{ letter.power }}")
    _say(signature, "Signer", "{{ letter.signer }}")


def _properties(document: Docx) -> None:
    found = document.core_properties
    found.author = found.last_modified_by = "Đôn Đốc"
    found.title = found.comments = found.keywords = ""
    found.language = "vi-VN"
    found.created = found.modified = _MADE
    found.revision = 1


def _say(where: Docx | _Cell, style: str, words: str) -> None:
    """Add a paragraph; a cell is born with an empty one, which is taken first."""
    paragraph = _born(where) or where.add_paragraph()
    paragraph.style = style
    if words:
        paragraph.add_run(words)


def _born(where: Docx | _Cell) -> Paragraph | None:
    if not isinstance(where, _Cell):
        return None
    first: Paragraph = where.paragraphs[0]
    return first if first._p.pPr is None else None


def _grid(document: Docx, widths: Sequence[float], *, rows: int, inner: float = 0) -> Table:
    """Add a table without lines, its columns as wide as they are told, `inner` left in a cell."""
    table: Table = document.add_table(rows=rows, cols=len(widths))
    table.style = None
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.LEFT
    properties = table._tbl.tblPr
    for name in ("w:tblLook", "w:tblW", "w:tblStyle"):
        for found in properties.findall(qn(name)):
            properties.remove(found)
    properties.insert(0, _element("w:tblW", w=str(_twips(Mm(sum(widths)))), type="dxa"))
    properties.append(_inner_margins(inner))
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)
    return table


def _ruled(table: Table) -> None:
    lines = OxmlElement("w:tblBorders")
    for side in (*_SIDES, "insideH", "insideV"):
        lines.append(_element(f"w:{side}", val="single", sz="4", space="0", color="000000"))
    layout = table._tbl.tblPr.find(qn("w:tblLayout"))
    assert layout is not None
    layout.addprevious(lines)  # the schema's order


def _inner_margins(width: float) -> BaseOxmlElement:
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margins.append(_element(f"w:{side}", w=str(_twips(Mm(width))), type="dxa"))
    return margins


def _whole(row: _Row) -> None:
    """Keep a row on one page."""
    row._tr.get_or_add_trPr().insert(0, OxmlElement("w:cantSplit"))


def _twips(length: Length) -> int:
    return int(length.twips)


def _element(tag: str, /, **attributes: str) -> BaseOxmlElement:
    element: BaseOxmlElement = OxmlElement(tag)
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    return element


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(form())
