"""`tollhouse price quote`, as somebody types it: no gateway, no key, no network."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.price import price

SHIPPED = Path(__file__).parents[2] / "policies"
KLING = "kling/kling-2.6-pro/text-to-video"


def run(*arguments: str, policies: Path | None = SHIPPED, **environment: str) -> Result:
    chosen = () if policies is None else ("--policies", str(policies))
    return CliRunner(env=environment).invoke(price, ["quote", *arguments, *chosen])


def document(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def test_the_price_as_one_document() -> None:
    assert document(KLING, "duration=10", "has_sound=true") == {
        "model": KLING,
        "version": None,
        "micro_usd": 1_400_000,
        "cost_usd": "1.400000",
        "factors": [
            {"field": "duration", "value": "10", "multiplier": "10"},
            {"field": "has_sound", "value": "true", "multiplier": "2"},
        ],
        "rate_card": "2026-02-18",
        "meters": {"seconds": 10},
        "pinned": {},
    }


def test_defaults_are_said_in_the_type_that_is_sent() -> None:
    super_pro = document("bytedance-plus/seedance-1.5-pro-super/image-to-video")

    assert super_pro["pinned"] == {"resolution": "720p", "generate_audio": True, "duration": "5"}
    assert super_pro["micro_usd"] == 280_005


def test_the_price_for_people() -> None:
    result = run(KLING, "has_sound=true")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{KLING} (prices of 2026-02-18)",
        "base             0.070000  USD per second",
        "duration   5          x 5  default",
        "has_sound  true       x 2",
        "cost             0.700000  USD",
    ]


def test_what_only_the_media_knows_is_marked() -> None:
    result = run("kling/kling-motion-create-v3/motion-transfer-to-video", "quality=pro")

    assert "duration  10       x 10  the dearest: the media decides" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((KLING, "duration=7"), 2, '"duration" must be one of "5", "10".'),
        ((KLING, "duration= 5"), 2, '"duration" must be one of "5", "10".'),
        ((KLING, "Duration=5"), 2, '"Duration" is not an input of this model and could be taken for "duration".'),
        ((KLING, "resolution=4k"), 2, '"resolution" is priced on other models and is not an input of this one.'),
        (("xai/grok-imagine/image-to-video",), 2, '"duration" is required: one of "6", "10", "15".'),
        ((KLING, "duration"), 2, '"duration" is not FIELD=VALUE.'),
        ((KLING, "=5"), 2, '"=5" is not FIELD=VALUE.'),
        ((KLING, "duration=5", "duration=10"), 2, '"duration" is given twice.'),
        (("kling/none",), 3, 'No price for model "kling/none".'),
        ((KLING, "--version", "2"), 3, f'No price for model "{KLING}" in version "2".'),
    ],
)
def test_refusals_go_to_stderr_with_a_code_of_their_own(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = run(*arguments, "--json")

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.splitlines()[-1].removeprefix("Error: ") == sentence


def test_a_value_may_contain_an_equals_sign() -> None:
    assert document(KLING, "prompt=1+1=2", "image_url=")["micro_usd"] == 350_000


def test_every_mistake_in_the_price_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "a.toml").write_text("schema = 2\n")
    (tmp_path / "prices" / "b.toml").write_text("schema = \n")

    result = run(KLING, policies=tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert "prices/a.toml: schema: must be 1, the only schema there is" in lines
    assert "prices/a.toml: model: is required" in lines
    assert any(line.startswith("prices/b.toml: is not TOML: ") for line in lines)


def test_a_directory_without_prices_is_a_failure(tmp_path: Path) -> None:
    result = run(KLING, policies=tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{tmp_path / 'prices'} has no price files.\n"


def test_a_file_that_is_not_text_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "a.toml").write_bytes(b"\xff\xfe")

    result = run(KLING, policies=tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "prices/a.toml: is not UTF-8: byte 0 is wrong\n"


def test_what_is_wrong_beside_the_prices_is_no_matter(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "prices", tmp_path / "prices")
    (tmp_path / "organization.toml").write_bytes(b"\xff\xfe")

    assert run(KLING, policies=tmp_path).exit_code == 0


def test_a_directory_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    result = run(KLING, policies=tmp_path / "none")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "is not a directory that can be read" in result.stderr


def test_the_directory_comes_from_the_environment(tmp_path: Path) -> None:
    result = run(KLING, policies=None, TOLLHOUSE_POLICIES=str(tmp_path))

    assert result.stderr == f"{tmp_path / 'prices'} has no price files.\n"


def test_the_directory_is_policies_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policies").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOLLHOUSE_POLICIES", raising=False)

    result = run(KLING, policies=None)

    assert result.stderr == f"{Path('policies') / 'prices'} has no price files.\n"


def test_the_packaged_directory_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOLLHOUSE_POLICIES", raising=False)

    assert run(KLING, policies=None).exit_code == 0
