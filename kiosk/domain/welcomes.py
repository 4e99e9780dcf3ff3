"""What a Welcome says and which buttons it has."""

from kiosk.domain.display import Offer
from kiosk.domain.screens import Welcome
from kiosk.domain.timetable import Timetable
from protocol.v1.messages import Direction, asks_direction


def welcome_for(offer: Offer, timetable: Timetable, *, is_changed: bool = False) -> Welcome:
    """Return the answer to a person who is marked.

    Args:
        offer: the mark, and what was there before.
        timetable: in force.
        is_changed: the person just tapped the button that changes the direction.
    """
    mark = offer.mark
    already_marked = is_changed or offer.earlier is not None
    lesson = timetable.lesson(mark.lesson_id)
    asks = lesson is not None and asks_direction(lesson.policy)
    return Welcome(
        display_name=timetable.short_name(mark.person_id),
        status=mark.status,
        late_min=mark.late_min,
        can_undo=timetable.not_me_s > 0,
        already_marked=already_marked,
        direction=mark.direction if asks else None,
        offers=_offered(offer, is_changed=is_changed) if asks else None,
        is_changed=is_changed,
        is_recorded=offer.is_recorded,
        answer_id=mark.event_id,
    )


def _offered(offer: Offer, *, is_changed: bool) -> Direction | None:
    """Return the direction that the button records; None where there is no button.

    It is the opposite of what the list says. A person who just came has nothing to change, nor has
    one who just said "I am staying".
    """
    if offer.mark.direction is Direction.OUT:
        return Direction.IN
    return Direction.OUT if offer.earlier is not None and not is_changed else None
