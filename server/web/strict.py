"""What people and their programs send: keys and words that nobody knows are refused."""

from pydantic import BaseModel, ConfigDict


class StrictInput(BaseModel):
    """Base of every body and form that people or their programs send.

    A key that is misspelt would otherwise be ignored without a word, and the answer would say that
    it worked. What kiosks send has no such base: it stays open for later versions.
    """

    model_config = ConfigDict(extra="forbid")
