"""The policy: the JSON API, for the school, for single rooms and for single courses."""

import uuid

from sqlmodel import Session

from server.db.dependencies import DBDep, ReadDBDep
from server.errors import ConflictError
from server.policies import forms, service
from server.policies.effective import NONE, Effective, PolicySet
from server.policies.schemas import (
    EffectivePolicy,
    EffectiveSetting,
    OwnInput,
    PlacePolicy,
    PlacePolicyInput,
    PolicyInput,
    SchoolPolicy,
)
from server.policies.scopes import PolicyPlace, Scope
from server.web.access import AdminDep, SignedInDep
from server.web.principal import Principal
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/policy", tags=["policy"])


@router.get("")
def read_policy(_: SignedInDep, db: ReadDBDep) -> SchoolPolicy:
    """The policy in force."""
    return service.current_policy(db)


@router.put("")
def set_policy(body: PolicyInput, principal: AdminDep, db: DBDep) -> SchoolPolicy:
    """Put a new version in force; what the body does not name stays as it is.

    Raises:
        ConflictError: the body names a version that is no longer in force.
        InvalidError: it contradicts itself.
    """
    current = service.current_policy(db)
    _refuse_overtaken(current.version, body, body.version)
    named = body.model_dump(mode="json", exclude_unset=True)
    document = current.model_dump(mode="json")
    for group, values in named.items():
        document[group] = document[group] | values if isinstance(values, dict) else values
    wanted = SchoolPolicy.model_validate(document)
    return service.set_policy(db, wanted, actor=principal.actor)


@router.get("/effective")
def read_effective(
    _: SignedInDep,
    db: ReadDBDep,
    room_id: uuid.UUID | None = None,
    course_id: uuid.UUID | None = None,
) -> EffectivePolicy:
    """What holds for a course in a room, and where each setting comes from.

    Raises:
        NotFoundError: there is no such room or course.
    """
    for scope, key in ((Scope.ROOM, room_id), (Scope.COURSE, course_id)):
        if key is not None:
            service.refuse_unknown_place(db, PolicyPlace(scope, key))
    policies = service.current_policies(db)
    found = policies.at(room_id, course_id)
    return EffectivePolicy(version=policies.version, settings=_settings(found))


@router.get("/rooms")
def list_rooms(_: SignedInDep, db: ReadDBDep) -> list[PlacePolicy]:
    """Every room with its own settings."""
    return _listed(db, Scope.ROOM)


@router.get("/rooms/{room_id}")
def read_room(room_id: uuid.UUID, _: SignedInDep, db: ReadDBDep) -> PlacePolicy:
    """The own settings of a room, and what holds there."""
    return _read(db, PolicyPlace(Scope.ROOM, room_id))


@router.put("/rooms/{room_id}")
def set_room(
    room_id: uuid.UUID, body: PlacePolicyInput, principal: AdminDep, db: DBDep
) -> PlacePolicy:
    """Give a room exactly these own settings; what the body leaves out follows the school.

    Raises:
        NotFoundError: there is no such room.
        ConflictError: the body names a version that is no longer in force.
        InvalidError: a setting holds for the whole school.
    """
    return _set(db, PolicyPlace(Scope.ROOM, room_id), body, principal)


@router.delete("/rooms/{room_id}")
def remove_room(room_id: uuid.UUID, principal: AdminDep, db: DBDep) -> PlacePolicy:
    """Let a room follow the school again, as a new version."""
    return _remove(db, PolicyPlace(Scope.ROOM, room_id), principal)


@router.get("/courses")
def list_courses(_: SignedInDep, db: ReadDBDep) -> list[PlacePolicy]:
    """Every course with its own settings."""
    return _listed(db, Scope.COURSE)


@router.get("/courses/{course_id}")
def read_course(course_id: uuid.UUID, _: SignedInDep, db: ReadDBDep) -> PlacePolicy:
    """The own settings of a course, and what holds for it where the room has nothing else."""
    return _read(db, PolicyPlace(Scope.COURSE, course_id))


@router.put("/courses/{course_id}")
def set_course(
    course_id: uuid.UUID, body: PlacePolicyInput, principal: AdminDep, db: DBDep
) -> PlacePolicy:
    """Give a course exactly these own settings; the rest follows its rooms and the school.

    Raises:
        NotFoundError: there is no such course.
        ConflictError: the body names a version that is no longer in force.
        InvalidError: a setting holds for the whole school or for rooms alone.
    """
    return _set(db, PolicyPlace(Scope.COURSE, course_id), body, principal)


@router.delete("/courses/{course_id}")
def remove_course(course_id: uuid.UUID, principal: AdminDep, db: DBDep) -> PlacePolicy:
    """Let a course follow its rooms and the school again, as a new version."""
    return _remove(db, PolicyPlace(Scope.COURSE, course_id), principal)


def _refuse_overtaken(current: int, body: PolicyInput | OwnInput, version: int | None) -> None:
    if "version" in body.model_fields_set and version != current:
        raise ConflictError(
            "Another person changed the policy meanwhile.", problem="policy_overtaken"
        )


def _listed(db: Session, scope: Scope) -> list[PlacePolicy]:
    policies = service.current_policies(db)
    places = sorted((one for one in policies.own if one.scope is scope), key=lambda one: one.id)
    return [_place_read(policies, place) for place in places]


def _read(db: Session, place: PolicyPlace) -> PlacePolicy:
    service.refuse_unknown_place(db, place)
    return _place_read(service.current_policies(db), place)


def _set(
    db: Session, place: PolicyPlace, body: PlacePolicyInput, principal: Principal
) -> PlacePolicy:
    _refuse_overtaken(service.current_policy(db).version, body, body.version)
    own = body.model_dump(mode="json", exclude_unset=True, exclude={"version"})
    return _place_read(service.set_own(db, place, own, actor=principal.actor), place)


def _remove(db: Session, place: PolicyPlace, principal: Principal) -> PlacePolicy:
    return _place_read(service.set_own(db, place, NONE, actor=principal.actor), place)


def _place_read(policies: PolicySet, place: PolicyPlace) -> PlacePolicy:
    own = {group: dict(values) for group, values in policies.own_of(place).items()}
    return PlacePolicy(
        id=place.id,
        scope=place.scope,
        version=policies.version,
        own=own,
        settings=_settings(policies.of(place)),
    )


def _settings(found: Effective) -> list[EffectiveSetting]:
    document = found.policy.model_dump(mode="json")
    return [
        EffectiveSetting(
            group=one.group,
            name=one.name,
            value=document[one.group][one.name],
            source=found.source(one.group, one.name),
        )
        for one in forms.SETTINGS
    ]
