"""What a message says beside its subject: a wish for a person, courtesy, urgency, frustration, a reference to what was said before."""
