"""From the server's configuration document to the kiosk's own timetable."""

from dataclasses import dataclass

from kiosk.domain.matching import MatchRules
from kiosk.domain.timetable import Appointment, Lesson, Timetable
from protocol.v1.messages import (
    ConfigDocument,
    Fallback,
    LessonEntry,
    LimitGroup,
    LivenessLevel,
    Policy,
)

_WIDE_SHARE = 0.9
"""Outside the roster a limit somebody set is stricter by this factor, as the gallery is larger."""


@dataclass(frozen=True, slots=True)
class MatchOverrides:
    """A technician's own limits, in place of the policy's where set."""

    roster_distance: float | None = None
    wide_distance: float | None = None
    min_margin: float | None = None
    min_frames: int | None = None


def timetable_from(document: ConfigDocument, overrides: MatchOverrides) -> Timetable:
    """What a configuration document means for this kiosk."""
    return Timetable(
        room_name=document.room.name,
        time_zone=document.school.time_zone,
        lessons=tuple(
            _lesson(entry, document.policy)
            for entry in document.lessons
            if entry.room_id == document.room.id
        ),
        elsewhere=tuple(
            Appointment(entry.person_id, entry.room_name, entry.starts_at, entry.ends_at)
            for entry in document.elsewhere
        ),
        display_names={person.id: person.display_name for person in document.people},
        policy=document.policy.attendance,
        policy_version=document.policy.version,
        match_rules=match_rules(document, overrides),
        not_me_s=document.policy.kiosk.not_me_s,
        language=document.policy.kiosk.language,
        network=document.network,
        fallbacks=_fallbacks(document.policy.kiosk.fallbacks),
        look_alikes=_look_alikes(document),
        holidays=frozenset(document.holidays),
    )


def match_rules(document: ConfigDocument, overrides: MatchOverrides) -> MatchRules:
    """The rules in force: the policy's, with the technician's own limits where set."""
    policy = document.policy.recognition
    roster = overrides.roster_distance or policy.fixed_distance
    wide = overrides.wide_distance or (roster * _WIDE_SHARE if roster else None)
    margin = overrides.min_margin
    return MatchRules(
        roster_fpir=policy.roster_fpir,
        wide_fpir=policy.wide_fpir,
        roster_distance=roster,
        wide_distance=min(wide, roster) if wide and roster else wide,
        ceiling=policy.limit_ceiling,
        min_margin=policy.minimum_margin if margin is None else margin,
        min_frames=overrides.min_frames or policy.frames_to_agree,
        look_alikes=_look_alikes(document),
        adults=_people_in(LimitGroup.ADULT, document),
        teens=_people_in(LimitGroup.TEEN, document),
        measured=document.measured_limits,
        liveness=_liveness(document.policy.kiosk.liveness),
    )


def _look_alikes(document: ConfigDocument) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair) for pair in document.look_alikes)


def _fallbacks(words: tuple[str, ...]) -> frozenset[Fallback]:
    """Return the ways that this version knows; one of a newer server is left out."""
    known = {one.value: one for one in Fallback}
    return frozenset(known[word] for word in words if word in known)


def _people_in(group: LimitGroup, document: ConfigDocument) -> frozenset[str]:
    return frozenset(person.id for person in document.people if person.limit_group == group)


def _liveness(word: str) -> LivenessLevel:
    """Return the level that a policy names; an unknown word of a newer server never means off."""
    try:
        return LivenessLevel(word)
    except ValueError:
        return LivenessLevel.PASSIVE


def _lesson(entry: LessonEntry, policy: Policy) -> Lesson:
    return Lesson(
        id=entry.id,
        title=entry.course_title or entry.course_code,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        roster=frozenset(entry.roster),
        policy=entry.attendance or policy.attendance,
        policy_version=policy.version if entry.policy_version is None else entry.policy_version,
    )
