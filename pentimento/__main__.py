"""`python -m pentimento`."""

from pentimento.cli import app

app()
