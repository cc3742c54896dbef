"""The whole service under faults, and an audit of what became of every job that it had accepted."""
