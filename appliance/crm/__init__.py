"""Where the company keeps its customers: one Protocol, and one file a kind of place."""
