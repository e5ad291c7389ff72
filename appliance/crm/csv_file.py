"""Customers in a CSV file that somebody exports. It is read anew when it has changed, as a whole or not at all."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.crm.record import Record, column, text
from appliance.customer_settings import FIELDS, Crm
from appliance.errors import CrmDown

_NAMED = 20
"""Bad lines that are named; the rest are counted."""
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Table:
    """One reading of the file. ``bad``: (line, why) of each row that was left out."""

    by_id: dict[str, Record] = field(default_factory=dict)
    by_email: dict[str, Record] = field(default_factory=dict)
    bad: tuple[tuple[int, str], ...] = ()
    rows: int = 0


class CsvFile:
    def __init__(self, crm: Crm) -> None:
        self._crm = crm
        self._file = Path(crm.csv_file)
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._table: Table | None = None
        self._fault = ""

    def look(self, *, id: str, email: str) -> Record | None:
        table = self._current()
        return (table.by_id.get(id) if id else None) or (table.by_email.get(email.lower()) if email else None)

    def state(self) -> str:
        with self._lock:
            table, fault = self._table, self._fault
        if table is None:
            return fault or "not read yet"
        said = f"{table.rows} customers"
        if table.bad:
            lines = ", ".join(f"line {line} ({why})" for line, why in table.bad[:_NAMED])
            more = f" and {len(table.bad) - _NAMED} more" if len(table.bad) > _NAMED else ""
            said += f"; left out: {lines}{more}"
        return f"{said}; the newer file is not used: {fault}" if fault else said

    def close(self) -> None:
        return

    def _current(self) -> Table:
        """The file as it is, or as it was when it cannot be used any more. Raises ``CrmDown`` when it never could."""
        with self._lock:
            try:
                stamp = _stamp(self._file)
                if stamp != self._stamp:
                    content = self._file.read_bytes()
                    if _stamp(self._file) != stamp:
                        raise _unusable("it is being written")
                    self._table, self._fault = read(content, self._crm), ""
                    self._stamp = stamp
            except OSError as error:
                self._fault = f"it cannot be read: {error.strerror or error}"
            except CrmDown as fault:
                self._fault = fault.message
            if self._table is None:
                raise _unusable(self._fault)
            return self._table


def read(content: bytes, crm: Crm) -> Table:
    """Raises ``CrmDown`` when the file as a whole cannot be trusted: another encoding, no header, a quote that is never closed."""
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unusable("it is not UTF-8") from None
    first = words.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=delimiter, strict=True)
    header = [cell.strip().lower() for cell in next(reader, [])]
    places = {name: header.index(column(crm, name).lower()) for name in FIELDS if column(crm, name).lower() in header}
    if "tier" not in places or not {"id", "email"} & set(places):
        wanted = ", ".join(column(crm, name) for name in FIELDS)
        raise _unusable(f"its first line must name its columns: {wanted} (tier, and id or email, are needed)")
    by_id: dict[str, Record] = {}
    by_email: dict[str, Record] = {}
    bad: list[tuple[int, str]] = []
    rows = 0
    for line, cells in _rows(reader):
        why, record = _record(cells, places, len(header))
        if not why and (record.id in by_id or record.email in by_email):
            why = "another line has this id or email"
        if why:
            bad.append((line, why))
            continue
        rows += 1
        if record.id:
            by_id[record.id] = record
        if record.email:
            by_email[record.email] = record
    return Table(by_id, by_email, tuple(bad), rows)


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """(number of the row's first line, its cells); blank lines are nothing."""
    try:
        before = reader.line_num  # type: ignore[attr-defined] # of csv.reader, which has no type of its own
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield before + 1, cells
            before = reader.line_num  # type: ignore[attr-defined] # see above
    except csv.Error as error:
        raise _unusable(f"line {before + 1} and what follows it is no CSV ({error})") from None


def _record(cells: list[str], places: dict[str, int], width: int) -> tuple[str, Record]:
    """(why it cannot be used, the record)."""
    if len(cells) != width:
        return f"{len(cells)} cells instead of {width}", Record("")
    if any("\n" in cell or "\x00" in cell for cell in cells):
        return "a cell holds a line break", Record("")
    found = {name: text(cells[place]) for name, place in places.items()}
    record = Record(found["tier"], found.get("name", ""), found.get("id", ""), found.get("email", "").lower())
    if not record.id and not record.email:
        return "neither id nor email", record
    return ("" if record.tier else "no tier"), record


def _stamp(file: Path) -> _Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _unusable(why: str) -> CrmDown:
    return CrmDown(why, remedy="Mend the file that crm.csv_file names; replace it by renaming a new one over it.")
