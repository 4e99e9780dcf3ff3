"""The fonts of the screens, and which scripts this machine cannot draw."""

import logging

from PySide6.QtGui import QFont, QFontDatabase

logger = logging.getLogger(__name__)

FONT_FAMILIES = (
    "Noto Sans",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
    "Noto Sans CJK SC",
    "DejaVu Sans",
)
"""The first that has a letter draws it. Noto Sans CJK SC has Japanese and Korean letters too.

The Indian scripts come early because Qt warns of each font that it asks for them in vain.
"""
_System = QFontDatabase.WritingSystem
_CORE, _CJK = "fonts-noto-core", "fonts-noto-cjk"
PACKAGES = {
    _System.Latin: _CORE,
    _System.Cyrillic: _CORE,
    _System.Greek: _CORE,
    _System.Arabic: _CORE,
    _System.Hebrew: _CORE,
    _System.Devanagari: _CORE,
    _System.Bengali: _CORE,
    _System.Tamil: _CORE,
    _System.Thai: _CORE,
    _System.SimplifiedChinese: _CJK,
    _System.TraditionalChinese: _CJK,
    _System.Japanese: _CJK,
    _System.Korean: _CJK,
}
"""Debian's package for each writing system; see scripts/debian-packages.txt."""


def kiosk_font() -> QFont:
    """The font of every screen: Noto where Debian's packages are installed, else DejaVu."""
    font = QFont()
    font.setFamilies(FONT_FAMILIES)
    return font


def missing_fonts() -> dict[str, str]:
    """Return the writing systems that no font here has, each with the package to install.

    Needs the Qt application.
    """
    return {
        system.name: package
        for system, package in PACKAGES.items()
        if not QFontDatabase.families(system)
    }


def log_missing_fonts() -> None:
    """Say in the log whose names would be boxes on this kiosk."""
    for system, package in missing_fonts().items():
        logger.warning("font missing script=%s package=%s", system, package)
