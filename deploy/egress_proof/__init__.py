"""Proof that nothing leaves: the whole story in a network namespace whose only peer writes down every name, connection and packet."""
