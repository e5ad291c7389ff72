"""Everything that comes in becomes a message, stored before it is acknowledged."""
