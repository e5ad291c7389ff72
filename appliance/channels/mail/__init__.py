"""E-mail: what comes in is stored raw, parsed by a capped child process, judged, and becomes a message; what leaves is a row first."""
