"""The faults of the knowledge base. Each has a stable ``code`` and a ``remedy``: what the reader should do."""

from __future__ import annotations


class KnowledgeFault(Exception):
    """The knowledge base could not do its work."""

    code = "knowledge_fault"
    transient = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ImportFailed(KnowledgeFault):
    """An import or rebuild stopped; what was visible before is still what is visible."""

    code = "import_failed"


class ImportBusy(ImportFailed):
    """Transient: another process is importing into the same data directory."""

    code = "import_busy"
    transient = True


class IndexMismatch(KnowledgeFault):
    """The search index was made with another encoder or another version of the appliance."""

    code = "index_mismatch"


class IndexUnavailable(KnowledgeFault):
    """The search index is missing or cannot be read."""

    code = "index_unavailable"
