"""Attached files are what their bytes say, and hostile ones are refused."""

import io
import zlib
from contextlib import suppress

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from server.documents.checks import MOST_BYTES, DocumentKind, check_file
from server.errors import TooLargeError, UnsupportedMediaError
from tests.support.documents import chunk, object_stream, segment, tiny_jpeg, tiny_pdf, tiny_png

SCRIPT = b"4 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n"
PACKED = object_stream(b"4 0 " + SCRIPT)
ACTIVE = (
    *("JavaScript", "Launch", "SubmitForm", "ImportData", "GoToE", "GoToR", "Rendition"),
    *("EmbeddedFile", "EmbeddedFiles", "FileAttachment", "RichMedia", "XFA", "Movie", "Sound"),
    *("3DD", "OnInstantiate", "U3D", "PRC"),
)


def refused(content: bytes) -> str:
    with pytest.raises((UnsupportedMediaError, TooLargeError)) as caught:
        check_file(content)
    return str(caught.value.details["problem"])


def picture(kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    noise = bytes(range(256)) * 36
    Image.frombytes("RGB", (48, 64), noise).save(made, kind, **options)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (tiny_pdf(), DocumentKind.PDF),
        (tiny_pdf(object_stream(b"5 0 << /Type /Page >>")), DocumentKind.PDF),
        (tiny_png(), DocumentKind.PNG),
        (tiny_jpeg(), DocumentKind.JPEG),
        (picture("JPEG"), DocumentKind.JPEG),
        (picture("JPEG", progressive=True), DocumentKind.JPEG),
        (picture("PNG"), DocumentKind.PNG),
    ],
)
def test_whole_files_are_kept_as_they_are(content: bytes, kind: DocumentKind) -> None:
    found = check_file(content)
    assert (found.kind, found.content) == (kind, content)


@pytest.mark.parametrize("content", [tiny_jpeg(), tiny_png(), picture("JPEG", progressive=True)])
def test_what_follows_a_picture_is_cut_off(content: bytes) -> None:
    tail = b"PK\x03\x04 a program <script>alert(1)</script>" + tiny_pdf()
    assert check_file(content + tail).content == content


def photo(byte_order: str) -> bytes:
    """A JPEG of a phone: two colours, lying on its side, with place, device and comment."""
    image = Image.new("RGB", (32, 16), "red")
    image.paste("blue", (0, 0, 16, 16))
    exif = Image.Exif()
    exif.endian = byte_order
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Secret phone"
    exif[ExifTags.Base.GPSInfo] = {1: "N", 29: "2026:11:28"}
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"Secret words", icc_profile=b"Secret", quality=95)
    return out.getvalue()


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_place_device_and_comments_of_a_jpeg_are_left_out_and_it_stays_upright(
    byte_order: str,
) -> None:
    content = photo(byte_order)
    assert content.count(b"Secret") == 3
    assert content.count(b"Exif\0\0" + {"<": b"II", ">": b"MM"}[byte_order]) == 1
    small = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1Sec")
    more = [segment(number, b"Secret") for number in (*range(0xE2, 0xEE), 0xEF, 0xFE)]
    kept = check_file(content[:2] + small + b"".join(more) + content[2:]).content
    assert b"Sec" not in kept
    assert b"2026" not in kept
    shown = [ImageOps.exif_transpose(Image.open(io.BytesIO(one))) for one in (content, kept)]
    assert shown[1].size == (16, 32)
    assert shown[0].tobytes() == shown[1].tobytes()
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == {ExifTags.Base.Orientation: 6}
    assert check_file(kept).content == kept


def test_texts_and_profiles_of_a_png_are_left_out() -> None:
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))
    script = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    assert check_file(tiny_png(1, 1, bomb, script)).content == tiny_png()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file_empty"),
        (b"MZ\x90\x00 a program", "file_kind"),
        (b"<html><script>alert(1)</script>", "file_kind"),
        (b"PK\x03\x04" + tiny_pdf(), "file_kind"),
        (b"\n" + tiny_pdf(), "file_kind"),
        (b"GIF89a" + tiny_png(), "file_kind"),
        (bytes(MOST_BYTES + 1), "file_too_large"),
        (tiny_png(30_000, 1), "picture_too_large"),
        (tiny_png(15_000, 15_000), "picture_too_large"),
        (tiny_jpeg(65_000, 65_000), "picture_too_large"),
        (tiny_png(0, 5), "file_damaged"),
        (tiny_jpeg(5, 0), "file_damaged"),
        (tiny_png()[:-1], "file_damaged"),
        (tiny_png().replace(b"IDAT", b"IDAX"), "file_damaged"),
        (tiny_png(1, 1, chunk(b"IEND", b""))[:30], "file_damaged"),
        (tiny_jpeg()[:-1], "file_damaged"),
        (tiny_jpeg(scans=101), "file_damaged"),
        (b"\xff\xd8\xff\xd9", "file_damaged"),
        (b"\xff\xd8" + b"\xff" * 1000, "file_damaged"),
        (tiny_pdf()[:-7], "file_damaged"),
        (b"%PDF-1.7\nhello %%EOF", "file_damaged"),
        (tiny_pdf() + b"PK\x03\x04" * 300, "file_damaged"),
        (tiny_pdf(trailer=b"/Encrypt 7 0 R "), "pdf_encrypted"),
        (tiny_pdf(SCRIPT), "pdf_active"),
        (tiny_pdf(SCRIPT.replace(b"JavaScript", b"J#61va#53cript")), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /S/Launch/F(cmd.exe) >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /Type/EmbeddedFile >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /XFA [] >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(object_stream(b"4 0 " + SCRIPT)), "pdf_active"),
        (tiny_pdf(object_stream(b"4 0 " + SCRIPT, b"/N 1 /First 4")), "pdf_active"),
        (tiny_pdf(object_stream(b"4 0 " + SCRIPT, b"/Type /#4fbjStm")), "pdf_active"),
        (tiny_pdf(object_stream(bytes(30_000_000))), "pdf_unclear"),
        (tiny_pdf(object_stream(b"", b"/Type /ObjStm /DecodeParms 8 0 R")), "pdf_unclear"),
        (tiny_pdf(object_stream(b"").replace(b"stream\nx", b"stream\n?")), "file_damaged"),
        (tiny_pdf(b"obj " * 110_000), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"Filter /Fl", b"Filter 8 0 R /Fl")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/FlateDecode", b"[/FlateDecode /LZWDecode]")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/FlateDecode", b"[/AHx /FlateDecode]")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/Length", b"/Filter /LZW /Length")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/Filter", b"/F")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/N 1", b"/N [ >> ]")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"/N 1", b"/N (1")), "pdf_unclear"),
        (tiny_pdf(PACKED.replace(b"\nstream\n", b"\nstream ?\n")), "pdf_unclear"),
        (tiny_pdf(b"4 0 obj\n<< /Subtype /3D >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /Subtype 7 0 R >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /EF << /F 7 0 R >> >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /#45#46%\n7 0 R >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(b"4 0 obj\n<< /AF [ 7 0 R ] /AA 8 %\n0 R >>\nendobj\n"), "pdf_active"),
        (tiny_pdf(trailer=b"/#45ncrypt 7 0 R "), "pdf_encrypted"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_with_their_reason(content: bytes, problem: str) -> None:
    assert refused(content) == problem


def test_names_inside_longer_names_are_no_reason() -> None:
    innocent = b"4 0 obj\n<< /JavaScriptless 1 /EncryptMetadata true /Launcher 2 >>\nendobj\n"
    assert check_file(tiny_pdf(innocent)).kind is DocumentKind.PDF


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff" + b"\xff" * (MOST_BYTES - 3),
        b"\xff\xd8\xff\xda\x00\x02" + b"\xff" * (MOST_BYTES - 6),
        b"%PDF-" + b"/" * (MOST_BYTES - 30) + b"startxref\n1\n%%EOF",
        b"%PDF-" + b"/#4a" * (MOST_BYTES // 4 - 30) + b"startxref\n1\n%%EOF",
        *(
            b"%PDF-" + one * (MOST_BYTES // len(one) - 30) + b"startxref\n1\n%%EOF"
            for one in (b"obj", b"obj%", b"obj<<", b"obj<<(", b"obj<<[ ", b"/AA ", b"/AF [1 1 ")
        ),
        b"\x89PNG\r\n\x1a\n" + (chunk(b"IHDR", b"") * (MOST_BYTES // 12))[: MOST_BYTES - 8],
    ],
)
@pytest.mark.timeout(60)
def test_no_file_keeps_the_server_busy(content: bytes) -> None:
    with suppress(UnsupportedMediaError):  # only that it ends matters
        check_file(content)


def spelled(name: str, escaped: set[int]) -> bytes:
    """A name of a PDF file, some of its characters as two hex digits."""
    return b"/" + b"".join(
        b"#%02x" % ord(one) if at in escaped else one.encode() for at, one in enumerate(name)
    )


_gaps = st.sampled_from(
    [b" ", b"\r\n", b"%\n", b"% stream\n", b"% >> endobj\r", b"/X (stream\n) ", b"/X (\\)(>>)) "]
)
_ends = st.sampled_from([b"\n", b"\r\n", b" \r\n", b"\t\n", b"\r"])
_sets = st.sets(st.integers(0, 12))


@given(st.sampled_from(ACTIVE), _sets, _sets, st.lists(_gaps, min_size=5, max_size=5), _ends)
def test_an_active_name_is_refused_however_it_is_written(
    name: str, escaped: set[int], more: set[int], gaps: list[bytes], end: bytes
) -> None:
    action = b"<<" + gaps[0] + b"/S" + gaps[1] + spelled(name, escaped) + gaps[0] + b">>"
    assert refused(tiny_pdf(b"4 0 obj" + action + b"endobj\n")) == "pdf_active"
    packed = zlib.compress(b"4 0 " + action)
    entries = [spelled("First", more) + b" 4", spelled("N", more) + b" 1"]
    entries.append(spelled("Filter", more) + gaps[2].replace(b"/X", b" ")[:1] + b"/FlateDecode")
    entries.append(spelled("Type", more) + b" " + spelled("ObjStm", escaped))
    described = gaps[3].join(entries) + gaps[4]
    hidden = b"9 0 obj <<" + described + b">>" + b" stream" + end + packed + b"\nendstream endobj\n"
    assert refused(tiny_pdf(hidden)) in ("pdf_active", "pdf_unclear")


@pytest.mark.parametrize("compressed", [True, False])
def test_papers_with_texts_pictures_and_links_are_kept(compressed: bool) -> None:
    paper = FPDF()
    paper.set_compression(compressed)
    paper.set_title("Doctor's note")
    paper.add_page()
    paper.set_font("helvetica", size=12)
    paper.cell(text="Unfit for sports (two weeks)", link="https://clinic.example/")
    paper.image(io.BytesIO(picture("JPEG")), w=20)
    paper.image(io.BytesIO(picture("PNG")), w=20)
    content = bytes(paper.output())
    assert check_file(content).content == content


@given(st.binary(min_size=1, max_size=2000))
def test_no_bytes_of_a_picture_are_taken_for_names(pixels: bytes) -> None:
    image = b"4 0 obj\n<< /Subtype /Image /Length %d >>\nstream\n" % len(pixels)
    found = check_file(tiny_pdf(image + pixels + b"/AA/EF/3D \nendstream\nendobj\n"))
    assert found.kind is DocumentKind.PDF


_starts = st.sampled_from([b"%PDF-1.4", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""])
_wholes = st.sampled_from([tiny_pdf(), tiny_jpeg(), tiny_png(), picture("JPEG")])


@given(_starts, st.binary(max_size=300))
def test_any_bytes_are_refused_or_kept_and_never_fail(start: bytes, rest: bytes) -> None:
    problems = []
    try:
        check_file(start + rest)
    except UnsupportedMediaError as exc:
        problems.append(exc.details["problem"])
    assert all(problems)


@given(_wholes, st.data())
def test_a_file_cut_short_is_refused(whole: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(whole) - 2))
    assert refused(whole[:cut]) in ("file_damaged", "file_kind", "file_empty")
