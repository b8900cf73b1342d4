"""The pages about keys: lists, making one, its own page, acts on it, runs of tests."""
