"""How good edits are, on scenes whose true edit is known."""
