"""Which accounts may have a PIN, cards and a link: those that may take the roll at a kiosk."""

from server.accounts.tables import Account
from server.web.principal import Role

EVERYWHERE = (Role.ADMIN, Role.OFFICE)
ROLES = (*EVERYWHERE, Role.TEACHER)


def may_hold(account: Account) -> bool:
    """Return whether an account may have credentials."""
    return account.is_active and account.role in ROLES
