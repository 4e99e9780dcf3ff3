"""Settings about kiosks: a part of `Settings`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class KioskSettings(BaseSettings):
    """How fast events of kiosks are taken in, and from where kiosks are installed."""

    ingest_rate: float = Field(
        default=50.0,
        ge=1,
        description="Events a second that are taken in of one kiosk, through the broker and over"
        " HTTP together, once its burst is used up. What comes faster waits; nothing is lost.",
    )
    ingest_burst: int = Field(
        default=5000,
        ge=100,
        description="Events of one kiosk that are taken in as fast as they come, after a pause.",
    )
    bundles_dir: Path | None = Field(
        default=None,
        description="Folder with the bundles from which new kiosks are installed, each a folder"
        " that `rollcall-provision bundle` made. Links in it are not followed. Default: `bundles`"
        " in data_dir.",
    )
    bundle_downloads: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Files of bundles that this server sends at a time. Further kiosks wait.",
    )
