"""Local models: text in, numbers or text out. This room knows nothing of tickets."""
