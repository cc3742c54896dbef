"""The process that computes: it takes jobs from the queue and runs them through the engine."""
