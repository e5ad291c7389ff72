"""The knowledge base: articles in, passages and ranked candidates out. It knows nothing of tickets."""
