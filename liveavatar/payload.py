"""The payload of an answer, on its way from JSON to a model."""

import logging
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from liveavatar.answer_model import MOST_FLAWS, describe_flaws
from liveavatar.errors import Garbled

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Payload:
    """The `data` of a successful answer to `call`. It never shows what it holds: that may be a token."""

    call: str
    data: object = field(repr=False)

    def read(self, model: type[Model]) -> Model:
        """Return the data as a model. Raises Garbled, which names the members that cannot be used.

        Entries of lists that cannot be read are left out; one log line says which.
        """
        left_out: list[str] = []
        try:
            value = model.model_validate(self.data, context=left_out)
        except ValidationError as error:
            flaws = describe_flaws(error)
        else:
            if left_out:
                parts = f"{len(left_out)} unreadable part{'s' if len(left_out) > 1 else ''}"
                flaws = "; ".join(left_out[:MOST_FLAWS])
                logger.warning("%s: left out %s of the answer: %s", self.call, parts, flaws)
            return value
        # Raised out here, so that pydantic's error, which holds the values, is not kept as __context__.
        raise Garbled(self.call, f"the answer cannot be used: {flaws}")
