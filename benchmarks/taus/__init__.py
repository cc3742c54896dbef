"""Which defaults the windows of an edit should have."""
