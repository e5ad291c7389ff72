"""What may leave the box, and in which form."""
