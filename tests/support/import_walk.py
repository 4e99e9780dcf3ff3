"""Every route of imports, each with the entry that it leaves in the audit trail."""

from tests.support.audit_walk import Walk
from tests.support.importing import ImportDesk
from tests.support.zips import zip_of

_API = "/api/v1/imports"
_FILE = {"file": ("rooms.csv", b"Room\nR77\n")}
_KIND = {"kind": "rooms"}


_ARCHIVE = zip_of({"1.jpg": b"no photo"})
_ABOUT = {"kind": "photos", "file_name": "photos.zip", "size_bytes": len(_ARCHIVE)}
_PIECE = {"piece": ("piece", _ARCHIVE)}


def walk_archives(walk: Walk, imports: ImportDesk) -> None:
    """Call each route of archives once, over the API and from the page."""
    do = walk.do
    made: str = do("POST", f"{_API}/archives", "import.announce", json=_ABOUT).json()["id"]
    piece = f"{_API}/{{import_id}}/pieces/{{number}}"
    do("PUT", piece, "import.upload", made, "0", files=_PIECE)
    do("DELETE", f"{_API}/{{import_id}}", "import.delete", made)
    answer = do("POST", "/imports/archives", "import.announce", data=_ABOUT).json()
    made = answer["address"].rpartition("/")[2]
    do("POST", "/imports/{import_id}/pieces/{number}", "import.check", made, "0", files=_PIECE)
    imports.work()
    do("DELETE", f"{_API}/{{import_id}}", "import.delete", made)


def walk_imports(walk: Walk, imports: ImportDesk) -> None:
    """Call each of them once."""
    do = walk.do
    made: str = do("POST", _API, "import.upload", data=_KIND, files=_FILE).json()["id"]
    do("POST", f"{_API}/{{import_id}}/options", "import.upload", made, json={"separator": ";"})
    do("POST", f"{_API}/{{import_id}}/check", "import.check", made, json={})
    do("POST", f"{_API}/{{import_id}}/cancel", "import.cancel", made)
    imports.work()
    imports.check(made)
    do("POST", f"{_API}/{{import_id}}/start", "import.start", made)
    imports.work()
    do("GET", "/imports/{import_id}/report.csv", "import.download", made)
    do("DELETE", f"{_API}/{{import_id}}", "import.delete", made)
    walk_archives(walk, imports)
    page = do("POST", "/imports/new", "import.upload", data=_KIND, files=_FILE)
    made = page.headers["location"].rpartition("/")[2]
    do("POST", "/imports/{import_id}/options", "import.upload", made, data={"separator": "tab"})
    columns = {"columns": ["name=0"]}
    do("POST", "/imports/{import_id}/columns", "import.check", made, data=columns)
    imports.work()
    do("POST", "/imports/{import_id}/start", "import.start", made)
    do("POST", "/imports/{import_id}/cancel", "import.cancel", made)
    do("POST", "/imports/{import_id}/delete", "import.delete", made)
