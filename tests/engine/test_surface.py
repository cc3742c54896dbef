"""What the engine offers."""

from __future__ import annotations

import engine


def test_the_public_surface() -> None:
    assert engine.__all__ == [
        *("INVERTERS", "METHODS", "P2P", "Edit", "EditResult", "InvalidImage", "InvalidParameter"),
        *("ModelSpec", "Models", "NumericalError", "OutOfMemory", "P2Plus", "PentimentoError", "Progress"),
        *("PromptTooLong", "PromptsDoNotAlign", "RecordCorrupt", "RecordMismatch", "SourceCache"),
        *("SourceRecord", "UnknownMethod", "UnknownModel", "UnknownWord", "WordAttention"),
        *("edit", "invert", "load", "reconstruct", "record_key"),
    ]
    assert all(hasattr(engine, name) for name in engine.__all__)
