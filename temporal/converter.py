"""How commands, facts and answers become JSON and come back: pydantic's converter, made once."""

from __future__ import annotations

from typing import Self

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter


class SharedPayloadConverter(PydanticPayloadConverter):
    """The SDK's pydantic converter, one for the whole process.

    The SDK makes a data converter for every activation and every activity, and with it a payload converter that knows
    none of the types met before; each then looks at our models anew. It keeps nothing else, so one can serve all.
    """

    _shared: SharedPayloadConverter | None = None

    def __new__(cls) -> Self:
        """The one there is, made with the first call."""
        if cls._shared is None:
            made = super().__new__(cls)
            PydanticPayloadConverter.__init__(made)
            cls._shared = made
        assert isinstance(cls._shared, cls)  # noqa: S101 - for the type checker
        return cls._shared

    def __init__(self) -> None:
        """Nothing is left to do."""


data_converter = DataConverter(payload_converter_class=SharedPayloadConverter)
"""What every client, worker and replayer of ours uses."""
