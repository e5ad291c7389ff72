"""What came of the tickets: resolution, satisfaction, times, escalation."""
