"""Help desks that a company keeps: their webhooks in, their reply API out. One file a desk, on one Protocol."""
