"""No claim code leaves the kiosk before its server is known."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kiosk.app.commands import claim
from kiosk.app.introducing import ClaimEntry, Introducer
from kiosk.app.onboarding import Identity, Onboarding, server_client
from kiosk.config import Settings, load_settings
from kiosk.domain.links import LinkSecurity
from kiosk.domain.screens import SetupStage
from kiosk.storage.identity import IdentityStore
from kiosk.sync.clock import SystemClock
from protocol.v1.trust import ClaimLink, ca_fingerprint, six_words
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import CLAIM, DEVICE_TOKEN
from tests.support.authorities import Authority, Leaf
from tests.support.tls_recorder import Recorded, recording
from tests.unit.protocol.v1.test_tls import http, offer

SCHOOL = Authority("School")
ATTACKER = Authority("Another")  # as one with the school's name is not looked at
FINGERPRINT = ca_fingerprint(SCHOOL.pem)


@contextmanager
def school_at(folder: Path, leaf: Leaf | None = None) -> Iterator[tuple[SchoolServer, str]]:
    """A server with the school's certificate that names its authority."""
    school = SchoolServer()
    school.ca_pem = SCHOOL.pem
    context = (leaf or SCHOOL.leaf()).server_context(folder)
    with serving(school, context=context) as url:
        yield school, url


class Newcomer:
    """A kiosk that waits for a claim code, and a person at its screen."""

    def __init__(self, folder: Path, url: str, **more: str | None) -> None:
        values: dict[str, Any] = dict(more)
        self.settings: Settings = load_settings(data_dir=folder / "kiosk", server_url=url, **values)
        clock = SystemClock()
        self.client = server_client(self.settings, clock)
        self.store = IdentityStore(self.settings.data_dir / "identity")
        self.stop = threading.Event()
        self.stages: list[SetupStage] = []
        self.answer: Callable[[tuple[str, ...]], bool | None] = lambda _words: None
        self.onboarding = Onboarding(
            self.store,
            self.client,
            retry_max_s=1,
            stop=self.stop,
            on_stage=self._on_stage,
            introducer=Introducer(self.settings, self.client, clock),
        )

    def _on_stage(self, stage: SetupStage) -> None:
        self.stages.append(stage)
        answer = self.answer(self.onboarding.words) if stage is SetupStage.COMPARE_WORDS else None
        if answer is not None:
            self.onboarding.answer_words(answer)

    def claims(self, entry: ClaimEntry) -> Identity | None:
        return self.onboarding.claim_anew(entry)


def attacked(heard: Recorded) -> bool:
    """Say whether anything but the question for the authority reached a server."""
    return CLAIM_CODE.encode() in heard.plain or b"POST" in heard.plain or has_token(heard)


def has_token(heard: Recorded) -> bool:
    """Say whether the token of the kiosk's claim, or any, reached a server."""
    return DEVICE_TOKEN.encode() in heard.plain or b"authorization" in heard.plain.lower()


def test_a_typed_code_waits_for_the_comparison_of_six_words(tmp_path: Path) -> None:
    claims_before: list[int] = []
    with school_at(tmp_path) as (school, url):

        def compare(words: tuple[str, ...]) -> bool:
            claims_before.append(school.claims)
            return words == six_words(FINGERPRINT)

        kiosk = Newcomer(tmp_path, url)
        kiosk.answer = compare
        found = kiosk.claims(ClaimEntry(CLAIM_CODE))
        assert found is not None
        kiosk.client.use_claim(found.claim)
        config = kiosk.client.config("")

    assert claims_before == [0]
    assert found.claim.ca_pem == SCHOOL.pem
    assert config is not None


def test_other_words_keep_the_code_here(tmp_path: Path) -> None:
    with recording(ATTACKER.leaf(), tmp_path, offer(ATTACKER.pem)) as heard:
        kiosk = Newcomer(tmp_path, heard.url)
        kiosk.answer = lambda words: words == six_words(FINGERPRINT)
        found = kiosk.claims(ClaimEntry(CLAIM_CODE))

    assert found is None
    assert kiosk.stages[-1] is SetupStage.WORDS_DIFFER
    assert not attacked(heard)


@pytest.mark.parametrize("offered", [SCHOOL.pem, SCHOOL.pem + ATTACKER.pem, ATTACKER.pem])
@pytest.mark.parametrize("is_scanned", [True, False])
def test_a_fingerprint_from_qr_or_settings_keeps_the_code_from_an_attacker(
    tmp_path: Path, offered: str, is_scanned: bool
) -> None:
    with recording(ATTACKER.leaf(), tmp_path, offer(offered)) as heard:
        named = None if is_scanned else FINGERPRINT.upper()
        kiosk = Newcomer(tmp_path, heard.url, server_ca_fingerprint=named)
        entry = ClaimEntry(CLAIM_CODE, heard.url if is_scanned else "", named or FINGERPRINT)
        found = kiosk.claims(entry if is_scanned else ClaimEntry(CLAIM_CODE))

    expected = {ATTACKER.pem: LinkSecurity.OTHER_FINGERPRINT}
    assert found is None
    assert kiosk.stages[-1] is SetupStage.UNTRUSTED
    assert kiosk.onboarding.link is expected.get(offered, LinkSecurity.FOREIGN_AUTHORITY)
    assert not attacked(heard)


@pytest.mark.parametrize(
    "more", [{"server_ca_fingerprint": FINGERPRINT}, {"server_ca": "ca.pem"}], ids=["print", "file"]
)
def test_the_settings_make_the_question_needless(tmp_path: Path, more: dict[str, str]) -> None:
    (tmp_path / "ca.pem").write_text(SCHOOL.pem)
    values = {key: str(tmp_path / one) if one == "ca.pem" else one for key, one in more.items()}
    with school_at(tmp_path) as (_school, url):
        kiosk = Newcomer(tmp_path, url, **values)
        assert kiosk.claims(ClaimEntry(CLAIM_CODE)) is not None

    assert SetupStage.COMPARE_WORDS not in kiosk.stages


def test_the_address_of_a_qr_code_is_kept_until_another_setting_is_written(tmp_path: Path) -> None:
    with school_at(tmp_path) as (_school, url):
        kiosk = Newcomer(tmp_path, "https://127.0.0.1:1")
        kiosk.onboarding.enter_link(ClaimLink(url, CLAIM_CODE, FINGERPRINT))
        found = kiosk.onboarding.wait_for_identity(None)

    place = kiosk.store.kept().place
    assert found is not None
    assert kiosk.onboarding.address == url
    assert place.address_now("https://127.0.0.1:1") == url
    assert place.address_now("https://new.example") == "https://new.example"


def test_a_plain_server_on_another_machine_gets_no_code(tmp_path: Path) -> None:
    kiosk = Newcomer(tmp_path, "http://school.example:1")

    assert kiosk.claims(ClaimEntry(CLAIM_CODE)) is None
    assert kiosk.onboarding.link is LinkSecurity.PLAIN_REFUSED


def test_a_plain_server_on_this_machine_needs_no_words(tmp_path: Path) -> None:
    with serving(SchoolServer()) as url:
        kiosk = Newcomer(tmp_path, url)
        assert kiosk.claims(ClaimEntry(CLAIM_CODE)) is not None

    assert SetupStage.COMPARE_WORDS not in kiosk.stages


def test_a_kiosk_at_work_asks_for_the_words_without_waiting(tmp_path: Path) -> None:
    with school_at(tmp_path) as (school, url):
        kiosk = Newcomer(tmp_path, "https://127.0.0.1:1")
        kiosk.onboarding.enter_link(ClaimLink(url, CLAIM_CODE))
        first = kiosk.onboarding.claim_while_running()
        claims_before = school.claims
        kiosk.onboarding.answer_words(are_same=True)
        second = kiosk.onboarding.claim_while_running()

    assert (first, claims_before) == (None, 0)
    assert second is not None


def test_a_kiosk_at_work_forgets_the_code_when_the_words_differ(tmp_path: Path) -> None:
    with school_at(tmp_path) as (school, url):
        kiosk = Newcomer(tmp_path, url)
        kiosk.onboarding.enter_code(CLAIM_CODE)
        kiosk.onboarding.claim_while_running()
        kiosk.onboarding.answer_words(are_same=False)
        kiosk.onboarding.claim_while_running()
        kiosk.onboarding.answer_words(are_same=True)
        last = kiosk.onboarding.claim_while_running()

    assert (last, school.claims) == (None, 0)
    assert kiosk.stages[-1] is SetupStage.WORDS_DIFFER


def test_only_its_own_server_replaces_the_claim_of_a_kiosk_at_work(tmp_path: Path) -> None:
    with school_at(tmp_path) as (_school, url):
        kiosk = Newcomer(tmp_path, url, server_ca_fingerprint=FINGERPRINT)
        found = kiosk.claims(ClaimEntry(CLAIM_CODE))
        assert found is not None
        stranger = found.claim.model_copy(update={"server_key": "A" * 43 + "="})
        kiosk.onboarding.enter_code(CLAIM_CODE)

        assert kiosk.onboarding.claim_while_running(stranger) is None


@pytest.mark.parametrize("is_scanned", [True, False])
def test_the_token_of_a_claim_in_use_goes_to_no_server_of_a_new_code(
    tmp_path: Path, is_scanned: bool
) -> None:
    """The attacker has what the QR code says: address, code, and the fingerprint of the CA."""
    offered, refusal = offer(ATTACKER.pem), http(b"{}", "403 Forbidden")
    with recording(ATTACKER.leaf(), tmp_path, offered, refusal=refusal) as heard:
        kiosk = Newcomer(tmp_path, "https://127.0.0.1:1" if is_scanned else heard.url)
        kiosk.client.use_claim(CLAIM)
        if is_scanned:
            link = ClaimLink(heard.url, CLAIM_CODE, ca_fingerprint(ATTACKER.pem))
            kiosk.onboarding.enter_link(link)
        else:
            kiosk.onboarding.enter_code(CLAIM_CODE)
            kiosk.answer = lambda _words: True
        found = [kiosk.onboarding.claim_while_running(CLAIM) for _ in range(2)]

    assert found == [None, None]
    assert b"POST /api/v1/devices/claim" in heard.plain
    assert not has_token(heard)


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("Y", 0), ("no", 1), ("", 1)])
def test_the_command_prints_the_words_and_asks(tmp_path: Path, answer: str, status: int) -> None:
    output = io.StringIO()
    with school_at(tmp_path) as (school, url):
        settings = load_settings(data_dir=tmp_path / "k", server_url=url, claim_code=CLAIM_CODE)
        done = claim(settings, threading.Event(), output, is_anew=True, ask=lambda _text: answer)

    assert done == status
    assert f"The server's words: {' '.join(six_words(FINGERPRINT))}" in output.getvalue()
    assert school.claims == (1 if status == 0 else 0)


def test_the_command_names_its_option_where_nobody_can_answer(tmp_path: Path) -> None:
    output = io.StringIO()
    with school_at(tmp_path) as (school, url):
        settings = load_settings(data_dir=tmp_path / "k", server_url=url, claim_code=CLAIM_CODE)

        assert claim(settings, threading.Event(), output) == 1
    assert "--fingerprint" in output.getvalue()
    assert school.claims == 0


def test_the_command_says_why_a_server_gets_no_code(tmp_path: Path) -> None:
    output = io.StringIO()
    with school_at(tmp_path, SCHOOL.leaf("other.example")) as (school, url):
        settings = load_settings(
            data_dir=tmp_path / "k",
            server_url=url,
            claim_code=CLAIM_CODE,
            server_ca_fingerprint=FINGERPRINT,
        )
        assert claim(settings, threading.Event(), output, is_anew=True) == 1

    assert "The code was not sent: certificate is for another address." in output.getvalue()
    assert school.claims == 0
