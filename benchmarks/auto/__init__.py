"""Which inversion, method and mask `auto` is to choose for each kind of edit."""
