"""Bytes of an e-mail to text: by the charset that it names when that is one, else by the best guess; never an error.

Only charsets are taken, from a list: Python knows codecs that unpack archives or take quadratic time (punycode), and a mail must not choose them.
"""

from __future__ import annotations

import codecs
from encodings.aliases import aliases

_NO_CHARSETS = frozenset(
    ("base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec", "raw_unicode_escape", "rot_13", "tactis", "undefined",
     "unicode_escape", "uu_codec", "zlib_codec")
)  # fmt: skip
CHARSETS = frozenset(aliases.values()) - _NO_CHARSETS
_MEANT = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso8859_8",
    "x-mac-roman": "mac_roman",
    "cp-850": "cp850",
    "windows-874": "cp874",
    "iso-2022-jp": "iso2022_jp_2",
}
"""What programs mean by a name: supersets, as browsers take them too."""
_UNSAID = frozenset(
    {"", "us-ascii", "ascii", "default", "unknown", "unknown-8bit", "x-unknown", "binary", "7bit", "8bit"}
)


def decode(data: bytes, charset: str) -> tuple[str, str]:
    """The text, and a flag: empty, ``charset.unknown``, ``charset.guessed`` or ``charset.damaged`` (some bytes are replaced)."""
    name = charset.strip().strip("\"'").lower()[:60]
    codec = None if name in _UNSAID else _codec(name)
    if codec is None:
        text = _guess(data)
        return (
            text,
            "" if data.isascii() and name in _UNSAID else "charset.guessed" if name in _UNSAID else "charset.unknown",
        )
    try:
        return data.decode(codec), ""
    except (UnicodeDecodeError, ValueError):
        return data.decode(codec, "replace"), "charset.damaged"


def _guess(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _codec(name: str) -> str | None:
    known = _MEANT.get(name, name)
    module = aliases.get(known.replace("-", "_").replace(" ", "_"), known.replace("-", "_"))
    if module not in CHARSETS:
        return None
    try:
        return codecs.lookup(module).name
    except LookupError:
        return None


def load_all() -> None:
    """Import every codec now: the child process opens no file once it has seen a mail."""
    for name in CHARSETS:
        try:
            codecs.lookup(name)
        except LookupError:
            continue
