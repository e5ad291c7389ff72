"""Measuring on data of one's own: retrieval, intent, answers and the guard, by the same parts that serve customers."""
