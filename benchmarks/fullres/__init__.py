"""How good an edit is at the original's own size, on scenes whose true edit is known at that size."""
