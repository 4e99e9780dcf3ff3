"""What the server says about the bundles that it offers."""

from datetime import datetime

from pydantic import BaseModel, Field


class BundleRead(BaseModel):
    """A bundle that new kiosks can be installed from."""

    sha256: str = Field(description="Of its `manifest.json`, which names every file of it.")
    rollcall: str = Field(description="Version of Rollcall.")
    python: str = Field(description="Python that its packages are for, such as `cp311`.")
    platform: str = Field(description="System that its packages are for.")
    size_bytes: int = Field(description="Of all its files.")
    changed_at: datetime = Field(description="When the bundle was put there, UTC.")
