"""StyleDiffusion, plain and ours: seconds, counts, and what comes of either."""
