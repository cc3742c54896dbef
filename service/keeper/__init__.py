"""The process beside the API that needs no model: it sends webhooks and removes what has expired."""
