"""The parts of the running server, put together by `server.app` and reached by dependency."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, Request
from starlette.applications import Starlette

from server.certificates.links import Links
from server.config import Settings
from server.db.engine import Database
from server.db.vault import Vault
from server.ml.encoder import FaceEncoder
from server.web.bodies import Bodies
from server.web.cookies import SignInCookies
from server.web.once import RunningKeys
from server.web.ports import (
    AckSigner,
    AdmitKiosk,
    Authenticate,
    AuthenticateToken,
    CancelJob,
    Configurations,
    CountUndecided,
    EventPace,
    ForgetIneligible,
    GuessLog,
    LinkPageGate,
    PictureGate,
    Problems,
    StrangerLog,
    UnreadableWords,
)
from server.web.register_state import FindInState
from server.web.today_content import TodaySource
from server.web.vitals import Vitals


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything that endpoints use and that is not of one request. Made once, at start.

    Attributes:
        settings: of this process.
        links: which of its links have TLS.
        database: where everything is stored.
        vault: the keys that encrypt and sign.
        bodies: what reads the bodies of requests.
        cookies: signs and checks the sign-in cookie.
        authenticate: who is signed in with a cookie.
        authenticate_token: whose API token a request came with.
        running_keys: which requests with an Idempotency-Key are running.
        recall: the same, if it is remembered; it waits for nothing.
        encoder: the recognition service.
        signer: signs acks as this server.
        answer_key: signs answers to kiosks; None: it cannot be read, they leave unsigned.
        strangers: devices that this server does not know.
        claim_guesses: counts wrong claim codes.
        downloads: one is held for each file of a bundle that is being sent.
        admit_kiosk: opens the broker to a kiosk that has just claimed.
        pace: how fast events of each kiosk are taken in.
        configurations: what kiosks should have, and whether it is still the same.
        guidance: lets pictures of cameras through to the recognition service.
        link_gate: limits how often the page of a person's own link is asked for.
        cancel_job: cancels a job.
        forget_ineligible: ends the credentials of an account that may have none.
        problems: what is wrong with recognition.
        unreadable: which stored rows cannot be read.
        count_undecided: how many events of a kiosk wait for a decision.
        count_kiosks: brings the metric of the kiosks up to date.
        today: fills the first page.
        vitals: how database and disk are.
        probes: how the other parts are, by name. A probe answers at once from what it knows; it
            never waits for a network.
    """

    settings: Settings
    links: Links
    database: Database
    vault: Vault
    bodies: Bodies
    cookies: SignInCookies
    authenticate: Authenticate
    authenticate_token: AuthenticateToken
    recall: Authenticate
    running_keys: RunningKeys
    encoder: FaceEncoder
    signer: AckSigner
    answer_key: Ed25519PrivateKey | None
    strangers: StrangerLog
    claim_guesses: GuessLog
    downloads: BoundedSemaphore
    admit_kiosk: AdmitKiosk
    pace: EventPace
    configurations: Configurations
    guidance: PictureGate
    link_gate: LinkPageGate
    cancel_job: CancelJob
    forget_ineligible: ForgetIneligible
    find_in_state: FindInState
    problems: Problems
    unreadable: UnreadableWords
    count_undecided: CountUndecided
    count_kiosks: Callable[[], None]
    today: TodaySource
    vitals: Vitals
    probes: Mapping[str, "Probe"]


Probe = Callable[[Services], object]


def services_of(app: Starlette) -> Services:
    """The parts of an application whose lifespan has started."""
    services: Services = app.state.services
    return services


def get_services(request: Request) -> Services:
    """The parts of the application that handles a request."""
    return services_of(request.app)


def get_settings(request: Request) -> Settings:
    """The settings of this application."""
    return get_services(request).settings


def _field(name: str) -> Any:
    """Depend on one of the services. It does not wait, so it needs no thread."""

    async def give(request: Request) -> Any:
        return getattr(request.app.state.services, name)

    give.__name__ = name
    return Depends(give)


async def _services(request: Request) -> Services:
    return get_services(request)


ServicesDep = Annotated[Services, Depends(_services)]
SettingsDep = Annotated[Settings, _field("settings")]
LinksDep = Annotated[Links, _field("links")]
VaultDep = Annotated[Vault, _field("vault")]
CookiesDep = Annotated[SignInCookies, _field("cookies")]
EncoderDep = Annotated[FaceEncoder, _field("encoder")]
SignerDep = Annotated[AckSigner, _field("signer")]
AdmitKioskDep = Annotated[AdmitKiosk, _field("admit_kiosk")]
ConfigurationsDep = Annotated[Configurations, _field("configurations")]
PaceDep = Annotated[EventPace, _field("pace")]
GuidanceDep = Annotated[PictureGate, _field("guidance")]
LinkGateDep = Annotated[LinkPageGate, _field("link_gate")]
CancelJobDep = Annotated[CancelJob, _field("cancel_job")]
ForgetIneligibleDep = Annotated[ForgetIneligible, _field("forget_ineligible")]
FindInStateDep = Annotated[FindInState, _field("find_in_state")]
ProblemsDep = Annotated[Problems, _field("problems")]
CountUndecidedDep = Annotated[CountUndecided, _field("count_undecided")]
CountKiosksDep = Annotated[Callable[[], None], _field("count_kiosks")]
TodayDep = Annotated[TodaySource, _field("today")]
