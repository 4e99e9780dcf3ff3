"""A layer of rpi-image-gen, from which it builds a whole image with the kiosk in it."""

from collections.abc import Mapping
from pathlib import Path

from provisioning.image.card import KioskCard
from provisioning.image.contents import FOLDER, System, card_files
from provisioning.image.parts import SCRIPT

BOARDS = ("rpi4", "rpi5")
NAME = "rollcall-kiosk"
#: What a kiosk needs of the system, as in step 1 of docs/provisioning.md.
PACKAGES = (
    *("cage", "xwayland", "seatd", "fonts-noto-core", "fonts-noto-cjk", "libgl1", "libglib2.0-0"),
    *("libegl1", "libgles2", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libthai0"),
    *("libwayland-cursor0", "libwayland-egl1"),
)
#: What Raspberry Pi OS Lite has, and a system of rpi-image-gen has not.
_USUAL = ("python3", "python3-venv", "network-manager", "systemd-timesyncd", "polkitd", "udev")
#: What a download of the programs needs.
_DOWNLOAD = ("ca-certificates",)
_RADIO = ("firmware-brcm80211", "iw", "raspi-config", "rfkill", "wireless-regdb")
_LAYER_FOLDER = "layer"
_UNIT = "rollcall-first-boot.service"
_ON_IMAGE = f"/boot/firmware/{FOLDER}"


def parts_folder(source: Path) -> Path:
    """Return the folder whose part `rollcall` is copied onto the image's boot partition."""
    return source / _LAYER_FOLDER / NAME


def layer_files(system: System, board: str, card: KioskCard) -> dict[str, str]:
    """Return path and text of every file of a source folder (`rpi-image-gen build -S`).

    Args:
        system: of the image.
        board: name of the layer of its hardware.
        card: what the kiosk is called, and its settings.
    """
    parts = parts_folder(Path())
    return {
        f"config/{NAME}.yaml": _config(system, board, card.hostname),
        f"{_LAYER_FOLDER}/{NAME}.yaml": _layer(card),
        str(parts / _UNIT): _unit(card),
        **{str(parts / path): text for path, text in card_files(card).items()},
    }


def _config(system: System, board: str, hostname: str) -> str:
    return _lines(
        "include:",
        f"  file: {system.value}-minbase.yaml",
        "device:",
        f"  layer: {board}",
        "image:",
        "  boot_part_size: 1G",
        "  root_part_size: 4G",
        f"  name: {hostname}",
        "layer:",
        f"  app: {NAME}",
    )


def _layer(card: KioskCard) -> str:
    packages = [*PACKAGES, *_USUAL]
    packages += _RADIO if card.wifi is not None else ()
    packages += _DOWNLOAD if card.bundle_sha256 else ()
    packages += ("overlayroot",) if card.is_read_only else ()
    return _lines(
        *_commented(
            {
                "Layer-Name": NAME,
                "Layer-Category": "app",
                "Layer-Desc": "Rollcall kiosk, which installs itself at the first start",
                "Layer-Version": "1.0.0",
                "VarPrefix": "rollcall",
                "Var-assetdir": "${DIRECTORY}",
                "Var-assetdir-Desc": "Folder of this layer",
                "Var-assetdir-Required": "n",
                "Var-assetdir-Valid": "string",
                "Var-assetdir-Set": "y",
            }
        ),
        "---",
        "mmdebstrap:",
        "  packages:",
        *(f"    - {package}" for package in packages),
        "  customize-hooks:",
        *(f"    - {command}" for command in _hooks()),
    )


def _commented(metadata: Mapping[str, str]) -> list[str]:
    fields = [f"# X-Env-{name}: {value}" for name, value in metadata.items()]
    return ["# METABEGIN", *fields, "# METAEND"]


def _hooks() -> list[str]:
    """Return commands that get the image's root folder as `$1`."""
    parts = f'"$IGconf_rollcall_assetdir/{NAME}'
    units = "$1/etc/systemd/system"
    return [
        f'install -d -m 0755 "$1{_ON_IMAGE}" "{units}/multi-user.target.wants"',
        f'cp -r {parts}/{FOLDER}/." "$1{_ON_IMAGE}/"',
        f'install -m 0644 {parts}/{_UNIT}" "{units}/{_UNIT}"',
        f'ln -sf ../{_UNIT} "{units}/multi-user.target.wants/{_UNIT}"',
    ]


def _unit(card: KioskCard) -> str:
    """Return the unit of the first start; the script replaces and then removes it."""
    network: tuple[str, ...] = ()
    limits: tuple[str, ...] = ("TimeoutStartSec=30min",)
    if card.bundle_sha256:
        network = ("Wants=network-online.target", "After=network-online.target")
        limits = ("TimeoutStartSec=4h", "Restart=on-failure", "RestartSec=2min")
        limits += ("Environment=BOOT_UNIT=yes",)
    return _lines(
        "[Unit]",
        "Description=Install the Rollcall kiosk",
        "RequiresMountsFor=/boot/firmware",
        f"ConditionPathExists={_ON_IMAGE}/card.conf",
        *network,
        "[Service]",
        "Type=oneshot",
        f"ExecStart=/bin/bash {_ON_IMAGE}/{SCRIPT}",
        *limits,
        "[Install]",
        "WantedBy=multi-user.target",
    )


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
