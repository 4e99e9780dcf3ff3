import pytest

from scripts.settings_docs import PAGE, page


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m scripts.settings_docs"


@pytest.mark.parametrize(
    "variable",
    ["ROLLCALL_SERVER_PORT", "ROLLCALL_ML_API_KEY", "ROLLCALL_KIOSK_CAMERA", "ML_SERVICE_URL"],
)
def test_every_process_is_on_it(variable: str) -> None:
    assert f"| `{variable}` |" in page()
