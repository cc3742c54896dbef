"""The front door: HTTP in, jobs out. It never loads a model and never imports torch."""
