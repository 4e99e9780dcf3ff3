"""From a data folder in whatever state to an open kiosk, or to the screen that says what to do."""

import threading
from collections.abc import Callable

from kiosk.app.device import Device, DeviceHooks
from kiosk.app.distress import distress_call
from kiosk.app.introducing import Introducer
from kiosk.app.onboarding import Identity, Onboarding
from kiosk.app.private_files import PrivateFiles
from kiosk.app.storage_wait import StorageWait
from kiosk.config import Settings
from kiosk.domain.screens import Screen, SettingUp, SetupStage
from kiosk.errors import FolderInUseError, StorageError
from kiosk.storage.files import private_folder
from kiosk.storage.lock import FolderLock
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient


class Startup:
    """The steps before the door can open. Each waits for whatever it needs and says so.

    Args:
        settings: of this kiosk.
        clock: of this kiosk.
        client: the server.
        stop: ends all waiting.
        on_screen: hears what to show.

    Attributes:
        files: the encrypted files.
        identity: the identity folder.
        onboarding: takes claim codes.
    """

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        client: ServerClient,
        *,
        stop: threading.Event,
        on_screen: Callable[[Screen], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._on_screen = on_screen
        self._storage = StorageWait(stop, self._on_storage_fault)
        self._lock: FolderLock | None = None
        self.files = PrivateFiles(settings)
        self.identity = self.files.identity
        self.onboarding = Onboarding(
            self.identity,
            client,
            retry_max_s=settings.retry_max_s,
            stop=stop,
            on_stage=self._on_stage,
            introducer=Introducer(settings, client, clock),
        )

    def lock(self) -> None:
        """Turn a second process away; a disk that refuses is tried again by `claimed`.

        Raises:
            FolderInUseError: another process works in the data folder.
        """
        try:
            self._take_lock()
        except FolderInUseError:
            raise
        except StorageError:
            return

    def claimed(self) -> Identity | None:
        """Find out who this kiosk is, or wait for a claim code; None when told to stop."""
        return self._storage.until_done(self._identified)

    def opened(self, identity: Identity, hooks: DeviceHooks) -> Device | None:
        """Open the files of a claimed kiosk; None when told to stop."""
        self._on_stage(SetupStage.LOADING)
        return self._storage.until_done(
            lambda: Device(self._settings, identity, self._client, self._clock, hooks, self.files)
        )

    def release(self) -> None:
        """Let another process in."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _identified(self) -> Identity | None:
        self._take_lock()
        self.files.prepare()
        call = distress_call(self._settings, self.identity.kept(), self._clock)
        try:
            code = self._settings.claim_code
            return self.onboarding.wait_for_identity(code.get_secret_value() if code else None)
        finally:
            if call is not None:
                call.stop()

    def _take_lock(self) -> None:
        if self._lock is None:
            self._lock = FolderLock(private_folder(self._settings.data_dir))

    def _on_stage(self, stage: SetupStage) -> None:
        onboarding = self.onboarding
        words = onboarding.words if stage is SetupStage.COMPARE_WORDS else ()
        is_plain = stage in (SetupStage.LOADING, SetupStage.NEEDS_CLAIM_CODE)
        self._on_screen(
            SettingUp(
                stage,
                onboarding.fault,
                words=words,
                address="" if is_plain else onboarding.address,
                link=onboarding.link,
            )
        )

    def _on_storage_fault(self, error: StorageError) -> None:
        self._on_screen(SettingUp(SetupStage.STORAGE_FAULT, file=error.file))
