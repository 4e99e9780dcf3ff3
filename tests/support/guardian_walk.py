"""The part of the audit walk that adds, changes, reads and removes guardians, by page and API."""

from tests.support.audit_walk import Walk

_AMINA = {"name": "Amina Haddad", "relation": "mother", "phone": "", "email": ""}
_OTHER = _AMINA | {"name": "Omar Haddad", "relation": "father"}


def walk_guardians(walk: Walk, person: str) -> None:
    """Call each route of guardians once."""
    do = walk.do
    route = "/api/v1/people/{person_id}/guardians"
    made: str = do("POST", route, "guardian.add", person, json=_AMINA).json()["id"]
    do("GET", route, "guardian.view", person)
    one = f"{route}/{{guardian_id}}"
    do("PATCH", one, "guardian.change", person, made, json={"relation": "other"})
    route = "/people/{person_id}/guardians"
    do("POST", route, "guardian.add", person, data=_OTHER)
    do("GET", route, "guardian.view", person)
    do("POST", f"{route}/{{guardian_id}}", "guardian.change", person, made, data=_AMINA)
    do("DELETE", one, "guardian.remove", person, made)
    left: str = walk.client.get(f"/api/v1/people/{person}/guardians").json()[0]["id"]
    do("POST", f"{route}/{{guardian_id}}/remove", "guardian.remove", person, left)
