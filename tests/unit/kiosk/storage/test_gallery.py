import gc
import logging
import struct
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import AnswerError
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from protocol.v1.messages import GalleryPage
from protocol.v1.signing import verify_document
from tests.fakes.kiosk_clock import ManualClock
from tests.fakes.school import (
    DATA_KEY,
    DIMENSION,
    KEY_ID,
    KIOSK_ID,
    MODEL_ID,
    SIGNING_KEY,
    page,
    tombstone,
    upsert,
)

KEYS = GalleryKeys(KIOSK_ID, KEY_ID, DATA_KEY, SIGNING_KEY)


def _gallery(folder: Path, keys: GalleryKeys = KEYS) -> SQLiteGallery:
    return SQLiteGallery(folder / "gallery.db", keys, ManualClock())


def _people(gallery: SQLiteGallery) -> list[str]:
    return list(gallery.snapshot(MODEL_ID).person_ids)


def test_templates_come_back_as_float32_rows(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)

    gallery.apply(page(0, [upsert(1, value=0.5), upsert(2, value=-0.25)]))

    snapshot = gallery.snapshot(MODEL_ID)
    assert snapshot.person_ids == ("p1", "p2")
    assert snapshot.templates.shape == (2, DIMENSION)
    assert snapshot.templates.dtype == np.float32
    assert np.unique(snapshot.templates).tolist() == [-0.25, 0.5]
    assert not snapshot.templates.flags.writeable


def test_empty_gallery_has_an_empty_snapshot(tmp_path: Path) -> None:
    assert _gallery(tmp_path).snapshot(MODEL_ID).templates.shape == (0, 0)


def test_templates_of_another_model_are_left_out(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2).model_copy(update={"model_id": "other"})]))

    assert _people(gallery) == ["p1"]


def test_templates_of_two_networks_are_kept_apart(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    others = [
        upsert(number, value=0.25).model_copy(update={"person_id": person, "model_id": "next"})
        for number, person in ((3, "p1"), (4, "p3"))
    ]
    gallery.apply(page(0, [upsert(1), upsert(2), *others]))

    current, following = gallery.snapshot(MODEL_ID), gallery.snapshot("next")
    assert (current.person_ids, following.person_ids) == (("p1", "p2"), ("p1", "p3"))
    assert np.unique(current.templates).tolist() == [0.5]
    assert np.unique(following.templates).tolist() == [0.25]
    assert gallery.people() == {"p1", "p2", "p3"}


@pytest.mark.parametrize("change", ["tombstone", "wipe"])
def test_opened_templates_of_a_network_nobody_asks_for_are_forgotten(
    tmp_path: Path, change: str
) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1).model_copy(update={"model_id": "other"}), upsert(2)]))
    opened = weakref.ref(gallery.snapshot("other").templates)
    assert opened() is not None

    changes = {
        "tombstone": lambda: gallery.apply(page(2, [], [tombstone(1, 3)])),
        "wipe": gallery.wipe,
    }
    changes[change]()

    gc.collect()
    assert opened() is None


def test_no_template_lies_on_disk_in_the_clear(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1, value=0.71875)]))
    gallery.snapshot(MODEL_ID)

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"t1" in stored
    assert struct.pack("<4e", *[0.71875] * 4) not in stored
    assert struct.pack("<4f", *[0.71875] * 4) not in stored
    assert DATA_KEY not in stored


def test_download_resumes_after_the_last_applied_page(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)], complete=False))
    gallery.close()

    again = _gallery(tmp_path)
    assert again.since == 1
    again.apply(page(1, [upsert(2)]))

    assert _people(again) == ["p1", "p2"]


def test_tombstone_removes_a_template(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2)]))
    before = gallery.version()

    gallery.apply(page(2, [], [tombstone(1, 3)]))

    assert _people(gallery) == ["p2"]
    assert gallery.version() > before
    assert gallery.erasures() == []


def test_erased_template_leaves_a_signed_receipt_until_the_server_has_it(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))
    gallery.apply(page(1, [], [tombstone(1, 2, "erased")]))

    (receipt,) = gallery.erasures()
    body = receipt.model_dump(mode="json", exclude={"signature"})
    verify_document(body, receipt.signature, SIGNING_KEY.public_key(), context="erasure")
    assert (receipt.person_id, receipt.templates) == ("p1", ("t1",))
    gallery.forget_erasure(receipt.id)
    assert gallery.erasures() == []


def test_erased_template_is_gone_from_the_files(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    sealed = upsert(1)
    gallery.apply(page(0, [sealed]))
    gallery.apply(page(1, [], [tombstone(1, 2, "erased")]))

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert sealed.sealed.encode() not in stored


def test_snapshot_replaces_what_it_does_not_name_only_once_it_is_complete(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2)]))

    gallery.apply(page(0, [upsert(2, change=7)], complete=False, reset=True))
    during = _people(gallery)
    gallery.close()
    again = _gallery(tmp_path)
    again.apply(page(7, [upsert(3, change=8)]))

    assert during == ["p1", "p2"]
    assert _people(again) == ["p2", "p3"]


def test_snapshot_of_one_page_replaces_everything(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))

    gallery.apply(page(0, [upsert(2, change=9)], reset=True))

    assert _people(gallery) == ["p2"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good.model_copy(update={"key_id": "key-2"}),
        lambda good: good.model_copy(update={"since": 99, "next": 99}),
        lambda good: good.model_copy(update={"next": 0}),
        lambda good: good.model_copy(update={"next": 1, "complete": False}),
        lambda good: good.model_copy(
            update={"upserts": (*good.upserts, upsert(3).model_copy(update={"sealed": "AAAA"}))}
        ),
        lambda good: good.model_copy(
            update={"upserts": (upsert(4).model_copy(update={"template_id": "t5"}),)}
        ),
    ],
    ids=["foreign key", "gap", "backwards", "endless", "damaged template", "swapped template"],
)
def test_page_that_does_not_fit_leaves_the_last_good_gallery(
    tmp_path: Path, spoil: Callable[[GalleryPage], GalleryPage]
) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))
    before = gallery.version()

    with pytest.raises(AnswerError):
        gallery.apply(spoil(page(1, [upsert(2)])))

    assert _people(gallery) == ["p1"]
    assert (gallery.since, gallery.version()) == (1, before)


def test_damaged_cache_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))
    gallery.close()
    (tmp_path / "gallery.db").write_bytes(b"not a database at all" * 300)

    with caplog.at_level(logging.WARNING):
        again = _gallery(tmp_path)

    assert (again.size, again.since) == (0, 0)
    assert "gallery.db is damaged" in caplog.text


def test_template_damaged_on_disk_is_left_out_and_all_are_asked_for(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2)]))
    with gallery._database.transaction() as db:
        db.execute("UPDATE template SET sealed = 'AAAA' WHERE id = 't1'")

    assert _people(gallery) == ["p2"]
    assert gallery.since == 0


def test_gallery_under_another_key_is_dropped(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))
    gallery.close()

    other = _gallery(tmp_path, GalleryKeys(KIOSK_ID, "key-2", bytes(32), SIGNING_KEY))

    assert (other.size, other.since) == (0, 0)


def test_snapshot_is_opened_once_for_each_version(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1)]))

    first, second = gallery.snapshot(MODEL_ID), gallery.snapshot(MODEL_ID)
    gallery.apply(page(1, [upsert(2)]))

    assert first is second
    assert gallery.snapshot(MODEL_ID).version != first.version


def test_wiped_gallery_has_no_template_in_its_files(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    templates = [upsert(1), upsert(2)]
    gallery.apply(page(0, templates))

    gallery.wipe()

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [entry.template_id for entry in templates if entry.sealed.encode() in stored]
    assert _people(gallery) == []
    gallery.close()
    assert _people(_gallery(tmp_path)) == []


def test_wiped_gallery_downloads_everything_again(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2)]))
    before = gallery.version()

    gallery.wipe()

    assert (gallery.size, gallery.since) == (0, 0)
    assert gallery.version() > before
    gallery.apply(page(0, [upsert(1)]))
    assert _people(gallery) == ["p1"]


def test_wiped_gallery_keeps_receipts_that_the_server_does_not_have(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    gallery.apply(page(0, [upsert(1), upsert(2)]))
    gallery.apply(page(2, [], [tombstone(1, 3, "erased")]))

    gallery.wipe()

    assert [receipt.person_id for receipt in gallery.erasures()] == ["p1"]
