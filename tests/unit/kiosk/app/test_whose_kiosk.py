"""A kiosk that was claimed before belongs to its school: a QR code alone does not take it away."""

from pathlib import Path

import pytest

from kiosk.app.introducing import ClaimEntry
from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from kiosk.domain.screens import SetupStage
from kiosk.errors import UntrustedLinkError
from kiosk.storage.identity import ClaimPlace
from protocol.v1.messages import ClaimResponse
from protocol.v1.sealing import sealing_public_text
from protocol.v1.signing import make_key, public_text
from protocol.v1.tls import Introduction
from protocol.v1.trust import ClaimLink, ca_fingerprint
from tests.fakes.kiosk_server import CLAIM_CODE
from tests.fakes.school import claim_response
from tests.support.tls_recorder import recording
from tests.unit.kiosk.app.test_introducing import (
    ATTACKER,
    FINGERPRINT,
    Newcomer,
    attacked,
    school_at,
)
from tests.unit.protocol.v1.test_tls import offer

HOME = "https://127.0.0.1:1"
OTHERS = ca_fingerprint(ATTACKER.pem)


def claimed(kiosk: Newcomer, *, server_key: str = "", address: str = HOME) -> ClaimResponse:
    """Give the kiosk a claim, made at an address; the server of the fake knows its key."""
    keys = kiosk.store.keys()
    claim = claim_response(sealing_public_text(keys.sealing))
    if server_key:
        claim = claim.model_copy(update={"server_key": server_key})
    setting = str(kiosk.settings.server_url).rstrip("/")
    kiosk.store.save_claim(claim, keys, ClaimPlace(address, setting))
    return claim


def damaged(kiosk: Newcomer, fault: IdentityFault) -> None:
    """Bring the kiosk into a state in which it waits for a code."""
    folder = kiosk.settings.data_dir / "identity"
    if fault is IdentityFault.REVOKED:
        kiosk.store.forget_claim()
    elif fault is IdentityFault.KEY_REFUSED:
        kiosk.store.note_key_refused()
    else:
        name = {"storage_key_lost": "storage.key", "claim_damaged": "claim.json"}[fault]
        (folder / name).write_bytes(b"{")


def scanned(kiosk: Newcomer, link: ClaimLink) -> bool:
    """Show a QR code, and end the waiting with the first answer; True when it was claimed."""

    def watch(stage: SetupStage) -> None:
        kiosk.stages.append(stage)
        if stage not in (SetupStage.NEEDS_CLAIM_CODE, SetupStage.CLAIMING):
            kiosk.stop.set()

    kiosk.onboarding._on_stage = watch
    kiosk.onboarding.enter_link(link)
    return kiosk.onboarding.wait_for_identity(None) is not None


@pytest.mark.parametrize(
    "fault",
    [IdentityFault.REVOKED, IdentityFault.STORAGE_KEY_LOST, IdentityFault.CLAIM_DAMAGED],
)
def test_a_strangers_code_is_not_even_asked_about(tmp_path: Path, fault: IdentityFault) -> None:
    with recording(ATTACKER.leaf(), tmp_path, offer(ATTACKER.pem)) as heard:
        kiosk = Newcomer(tmp_path, HOME)
        claimed(kiosk)
        damaged(kiosk, fault)

        assert not scanned(kiosk, ClaimLink(heard.url, CLAIM_CODE, OTHERS))
    assert kiosk.stages[-1] is SetupStage.UNTRUSTED
    assert kiosk.onboarding.link is LinkSecurity.OTHER_FINGERPRINT
    assert heard.connections == 0


def test_a_fingerprint_in_the_settings_makes_a_new_kiosk_the_schools(tmp_path: Path) -> None:
    with recording(ATTACKER.leaf(), tmp_path, offer(ATTACKER.pem)) as heard:
        kiosk = Newcomer(tmp_path, HOME, server_ca_fingerprint=FINGERPRINT)

        assert not scanned(kiosk, ClaimLink(heard.url, CLAIM_CODE, OTHERS))
    assert heard.connections == 0


def test_a_code_with_the_schools_address_and_another_authority_is_refused(tmp_path: Path) -> None:
    with recording(ATTACKER.leaf(), tmp_path, offer(ATTACKER.pem)) as heard:
        kiosk = Newcomer(tmp_path, heard.url, server_ca_fingerprint=FINGERPRINT)

        assert not scanned(kiosk, ClaimLink(heard.url, CLAIM_CODE, OTHERS))
    assert not attacked(heard)


def test_only_the_server_of_a_claim_replaces_it_although_it_has_a_fault(tmp_path: Path) -> None:
    with school_at(tmp_path) as (_stranger, url):
        kiosk = Newcomer(tmp_path, HOME)
        claim = claimed(kiosk, server_key=public_text(make_key()))
        damaged(kiosk, IdentityFault.KEY_REFUSED)

        assert not scanned(kiosk, ClaimLink(url, CLAIM_CODE, FINGERPRINT))
    assert kiosk.store.claim() == claim


@pytest.mark.parametrize("fault", [IdentityFault.KEY_REFUSED, IdentityFault.REVOKED])
def test_a_code_of_the_own_server_gives_a_faulty_kiosk_a_new_claim(
    tmp_path: Path, fault: IdentityFault
) -> None:
    with school_at(tmp_path) as (_school, url):
        kiosk = Newcomer(tmp_path, url)
        claimed(kiosk, address=url)
        damaged(kiosk, fault)

        assert scanned(kiosk, ClaimLink(url, CLAIM_CODE, FINGERPRINT))
    assert kiosk.store.kept().fault is IdentityFault.NONE


def test_another_code_ends_the_waiting_for_a_server_that_cannot_prove_itself(
    tmp_path: Path,
) -> None:
    with school_at(tmp_path) as (_stranger, url):
        kiosk = Newcomer(tmp_path, HOME)
        claimed(kiosk, server_key=public_text(make_key()))
        damaged(kiosk, IdentityFault.KEY_REFUSED)

        def watch(stage: SetupStage) -> None:
            kiosk.stages.append(stage)
            if stage is SetupStage.FOREIGN_ANSWER:
                kiosk.onboarding.enter_link(ClaimLink(HOME, CLAIM_CODE, FINGERPRINT))
            elif stage is SetupStage.SERVER_AWAY:
                kiosk.stop.set()

        kiosk.onboarding._on_stage = watch
        kiosk.onboarding.enter_link(ClaimLink(url, CLAIM_CODE, FINGERPRINT))
        assert kiosk.onboarding.wait_for_identity(None) is None
    assert kiosk.stages[-1] is SetupStage.SERVER_AWAY


@pytest.mark.parametrize("is_command", [True, False])
def test_a_typed_code_goes_to_the_server_of_the_claim(tmp_path: Path, is_command: bool) -> None:
    with school_at(tmp_path) as (school, url):
        kiosk = Newcomer(tmp_path, HOME)
        claim = claimed(kiosk, address=url)
        kiosk.answer = lambda _words: True
        if is_command:
            found = kiosk.claims(ClaimEntry(CLAIM_CODE))
        else:
            assert kiosk.onboarding.wait_for_identity(None) is not None
            kiosk.onboarding.enter_code(CLAIM_CODE)
            found = kiosk.onboarding.claim_while_running(claim)
            found = found or kiosk.onboarding.claim_while_running(claim)

    assert found is not None
    assert (school.claims, found.place.address) == (1, url)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (ClaimEntry(CLAIM_CODE), FINGERPRINT),
        (ClaimEntry(CLAIM_CODE, "http://10.0.0.9:8000", FINGERPRINT), None),
        (ClaimEntry(CLAIM_CODE, "http://10.0.0.9:8000"), FINGERPRINT),
    ],
    ids=["settings", "code", "code without one"],
)
def test_a_fingerprint_forbids_a_plain_link(
    tmp_path: Path, entry: ClaimEntry, named: str | None
) -> None:
    more = {"server_ca_fingerprint": named}
    settings = {"allow_plain": "yes"}
    kiosk = Newcomer(tmp_path, "http://school.example:8000", **more, **settings)

    with pytest.raises(UntrustedLinkError):
        kiosk.onboarding._meet(entry)
    plain = Newcomer(tmp_path / "2", "http://school.example:8000", **settings)
    assert plain.onboarding._meet(ClaimEntry(CLAIM_CODE)) == Introduction(
        None, None, is_confirmed=True
    )
