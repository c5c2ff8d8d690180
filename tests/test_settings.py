"""Settings: defaults, a file, the environment; every mistake in one sentence that names it and repeats no secret."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.settings import (
    Address,
    Origin,
    Settings,
    SettingsError,
    Source,
    load_settings,
    load_with_origins,
    variable,
)

CANARY = "pb_canary_5b1f0e7c9d3a"


def mistakes(**environ: str) -> tuple[str, ...]:
    """What is wrong with these variables; written without their prefix, but for those in capitals."""
    with pytest.raises(SettingsError) as refused:
        load_settings(
            {name if name.isupper() else f"TOLLHOUSE_{name.upper()}": value for name, value in environ.items()}
        )
    assert all(line.count("\n") == 0 for line in refused.value.sentences)
    assert str(refused.value) == "\n".join(refused.value.sentences)
    return refused.value.sentences


def settings(**environ: str) -> Settings:
    return load_settings(
        {name if name.isupper() else f"TOLLHOUSE_{name.upper()}": value for name, value in environ.items()}
    )


def test_without_any_it_is_a_sandbox_with_a_store_of_its_own_on_this_machine() -> None:
    plain = load_settings({"PATH": "/bin", "HOME": "/", "REDIS_URL": "redis://elsewhere"})
    assert (plain.sandboxed, plain.embedded, plain.may_initialise) == (True, True, True)
    assert (str(plain.listen), str(plain.control_listen)) == ("http://127.0.0.1:8080", "http://127.0.0.1:8081")
    assert (plain.data_dir, plain.policies) == (Path(".tollhouse"), None)
    assert (plain.upstream_timeout, plain.shutdown_grace, plain.body_timeout) == (30.0, 45.0, 10.0)
    assert (plain.max_body, plain.workers, plain.store_outage) == (1024**2, 1, "refuse")
    assert (plain.webhook_allow_hosts, plain.trusted_proxies) == ((), ())
    assert load_settings({}, serving=True) == plain


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("10m", 600.0), ("1h", 3600.0)])
def test_durations(text: str, seconds: float) -> None:
    assert settings(body_timeout=text).body_timeout == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("512KiB", 512 * 1024), ("2MiB", 2 * 1024**2)])
def test_sizes(text: str, size: int) -> None:
    assert settings(max_body=text).max_body == size


@pytest.mark.parametrize("text", ["30", "s", "-1s", "1.5s", "1 s", "\u0663s", "0s", "1d", "1e3s", ""])
def test_what_is_no_duration(text: str) -> None:
    [sentence] = mistakes(body_timeout=text)
    assert sentence.startswith("TOLLHOUSE_BODY_TIMEOUT: ")


@pytest.mark.parametrize("text", ["1048576", "1MB", "0B", "1.5MiB", "-1B"])
def test_what_is_no_size(text: str) -> None:
    [sentence] = mistakes(max_body=text)
    assert sentence.startswith("TOLLHOUSE_MAX_BODY: ")


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("0.0.0.0:80", Address("0.0.0.0", 80), "http://0.0.0.0:80"),
        ("[::1]:0", Address("::1", 0), "http://[::1]:0"),
        ("gateway.internal:8080", Address("gateway.internal", 8080), "http://gateway.internal:8080"),
        ("unix:/run/tollhouse.sock", Address("", 0, "/run/tollhouse.sock"), "unix:/run/tollhouse.sock"),
    ],
)
def test_where_to_listen(text: str, address: Address, shown: str) -> None:
    assert settings(listen=text).listen == address
    assert str(address) == shown


@pytest.mark.parametrize("text", ["8080", "localhost", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "a:-1"])
def test_where_nobody_can_listen(text: str) -> None:
    [sentence] = mistakes(listen=text)
    assert sentence == 'TOLLHOUSE_LISTEN: write host:port, such as "127.0.0.1:8080", or unix:path'


def test_lists() -> None:
    listed = settings(trusted_proxies="10.0.0.0/8, 192.0.2.1,,", webhook_allow_hosts="hooks.internal,10.0.0.0/8")
    assert listed.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32"))
    assert listed.webhook_allow_hosts == ("hooks.internal", ip_network("10.0.0.0/8"))
    assert mistakes(trusted_proxies="everybody")[0].startswith("TOLLHOUSE_TRUSTED_PROXIES: ")
    assert mistakes(webhook_allow_hosts="10.0.0.1/8")[0].startswith("TOLLHOUSE_WEBHOOK_ALLOW_HOSTS: ")


def test_unknown_names_are_mistakes_and_so_are_empty_values() -> None:
    assert mistakes(upstream="x", TOLLHOUSE_DATA_DIR_FILE="x", listen="", PIXELBYTE_API_KEYS="x") == (
        "PIXELBYTE_API_KEYS: there is no such setting",
        "TOLLHOUSE_DATA_DIR_FILE: there is no such setting",
        "TOLLHOUSE_LISTEN: is set and empty; give it a value or unset it",
        "TOLLHOUSE_UPSTREAM: there is no such setting",
    )


def test_what_the_upstreams_list_of_jobs_is_worth() -> None:
    assert (settings().upstream_exclusive, settings().absent_after) == (True, 600.0)
    read = load_settings({"TOLLHOUSE_UPSTREAM_EXCLUSIVE": "false", "TOLLHOUSE_ABSENT_AFTER": "30m"})
    assert (read.upstream_exclusive, read.absent_after) == (False, 1800.0)
    assert len(mistakes(TOLLHOUSE_UPSTREAM_EXCLUSIVE="perhaps", TOLLHOUSE_ABSENT_AFTER="0s")) == 2


def test_who_may_call_us_and_how_we_know_them() -> None:
    public, secret = "https://toll.example.com", "whsec_x"
    given = settings(PIXELBYTE_API_KEY="pb_x", public_url=public, upstream_webhook_secret=secret)
    assert (given.public_url, given.upstream_webhook_secret) == (public, SecretStr(secret))
    assert secret not in repr(given)
    # The built-in sandbox has a secret of its own, and takes another one.
    assert settings(public_url=public).upstream_webhook_secret is None
    assert settings(public_url=public, upstream_webhook_secret=secret).upstream_webhook_secret == SecretStr(secret)

    [unknown] = mistakes(PIXELBYTE_API_KEY="pb_x", public_url=public)
    assert "TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET must be set too" in unknown
    [idle] = mistakes(upstream_webhook_secret=secret)
    assert "does nothing without TOLLHOUSE_PUBLIC_URL" in idle
    [plain] = mistakes(public_url="http://toll.example.com")
    assert plain == "TOLLHOUSE_PUBLIC_URL must begin with https://: the provider calls nothing else"


def test_contradictions_are_one_sentence_each() -> None:
    assert "must be below TOLLHOUSE_SHUTDOWN_GRACE" in mistakes(upstream_timeout="45s")[0]
    chain = {"shutdown_delay": "10s", "shutdown_grace": "40s"}
    assert "together must be below TOLLHOUSE_TERMINATION_GRACE" in mistakes(termination_grace="50s", **chain)[0]
    assert settings(termination_grace="51s", **chain).termination_grace == 51.0
    assert settings(shutdown_delay="0s").shutdown_delay == 0.0
    assert "set it to 1" in mistakes(workers="2")[0]
    assert "set both, or neither" in mistakes(upstream_url="https://api.example.com")[0]
    assert "set one of the two" in mistakes(PIXELBYTE_API_KEY="pb_x", PIXELBYTE_API_KEY_FILE="/x")[0]
    assert mistakes(store_outage="allow")[0].startswith("TOLLHOUSE_STORE_OUTAGE: ")
    assert mistakes(store_init="yes")[0].startswith("TOLLHOUSE_STORE_INIT: ")
    assert mistakes(log_format="xml")[0].startswith("TOLLHOUSE_LOG_FORMAT: ")


def test_every_mistake_is_told_at_once() -> None:
    assert len(mistakes(listen="x", max_body="x", body_timeout="x")) == 3


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://api.example.com", True),
        ("https://api.example.com:8443/base", True),
        ("http://127.0.0.1:9", True),
        ("http://localhost:9", True),
        ("http://[::1]:9", True),
        ("http://api.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("ftp://api.example.com", False),
        ("api.example.com", False),
        ("https://", False),
        ("https://user:secret@api.example.com", False),
        ("https://api.example.com/?x=1", False),
        ("https://api.example.com/#x", False),
    ],
)
def test_where_the_real_key_may_go(url: str, right: bool) -> None:
    if right:
        assert settings(PIXELBYTE_API_KEY=CANARY, upstream_url=url).upstream_url == url
        return
    [sentence] = mistakes(PIXELBYTE_API_KEY=CANARY, upstream_url=url)
    assert sentence.startswith("TOLLHOUSE_UPSTREAM_URL ")
    assert "secret" not in sentence
    assert CANARY not in sentence


def test_plain_http_to_elsewhere_only_on_request() -> None:
    loud = settings(PIXELBYTE_API_KEY=CANARY, upstream_url="http://upstream:8080", allow_plain_upstream="true")
    assert loud.upstream_url == "http://upstream:8080"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis+sentinel://a,b/s/0", "redis+sentinel:// is not supported yet"),
        ("redis+cluster://a,b", "redis+cluster:// is not supported yet"),
        ("http://:hunter2@redis", "must begin with redis://, rediss:// or unix://"),
        ("hunter2", "must begin with redis://, rediss:// or unix://"),
    ],
)
def test_stores_that_cannot_be_used(url: str, sentence: str) -> None:
    [told] = mistakes(redis_url=url)
    assert sentence in told
    assert "hunter2" not in told


def test_a_store_that_others_share_needs_shared_secrets_and_is_never_started_fresh_unasked() -> None:
    shared = settings(redis_url="rediss://:hunter2@redis:6380/0")
    assert (shared.embedded, shared.may_initialise) == (False, False)
    assert settings(redis_url="redis://redis", store_init="auto").may_initialise
    assert not settings(store_init="never").may_initialise

    url = {"TOLLHOUSE_REDIS_URL": "redis://redis"}
    with pytest.raises(SettingsError) as refused:
        load_settings(url, serving=True)
    [sentence] = refused.value.sentences
    assert "TOLLHOUSE_PEPPER_FILE" in sentence
    assert "TOLLHOUSE_ADMIN_KEY_FILE" in sentence
    with pytest.raises(SettingsError) as refused:
        load_settings({**url, "TOLLHOUSE_PEPPER": "p"}, serving=True)
    assert "TOLLHOUSE_PEPPER_FILE" not in str(refused.value)
    assert "TOLLHOUSE_ADMIN_KEY_FILE" in str(refused.value)
    load_settings({**url, "TOLLHOUSE_PEPPER": "p", "TOLLHOUSE_ADMIN_KEY": "k"}, serving=True)


def test_secrets_may_be_the_content_of_a_file(tmp_path: Path) -> None:
    file, url = tmp_path / "secret", tmp_path / "url"
    file.write_text(" hunter2\n")
    url.write_text("redis://:hunter2@redis\n")
    given = settings(redis_url_file=str(url), pepper_file=str(file), admin_key_file=str(file))
    assert given.redis_url is not None
    assert given.redis_url.get_secret_value() == "redis://:hunter2@redis"
    assert given.pepper is not None
    assert given.pepper.get_secret_value() == "hunter2"

    [missing] = mistakes(pepper_file=str(tmp_path / "nothing"))
    assert missing.startswith("TOLLHOUSE_PEPPER_FILE: ")
    [twice] = mistakes(pepper="hunter2", pepper_file=str(file))
    assert "set one of the two" in twice
    assert "hunter2" not in twice


def test_the_settings_file_may_name_them_too(tmp_path: Path) -> None:
    file, secret = tmp_path / "tollhouse.toml", tmp_path / "secret"
    secret.write_text("hunter2\n")
    file.write_text(f'pepper_file = "{secret}"\npixelbyte_api_key_file = "{tmp_path / "later"}"\n')
    given, origins = load_with_origins({"TOLLHOUSE_CONFIG": str(file)})
    assert given.pepper is not None
    assert given.pepper.get_secret_value() == "hunter2"
    assert origins["pepper"] == Origin(Source.FILE, str(file))
    assert given.pixelbyte_api_key_file == tmp_path / "later"
    other = settings(config=str(file), pepper="other").pepper
    assert other is not None
    assert other.get_secret_value() == "other"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('pepper_file = "/nowhere/at/all"', "pepper_file: [Errno 2] No such file or directory: '/nowhere/at/all'"),
        ('pepper_file = "{secret}"\npepper = "hunter3"', "pepper_file: pepper is set as well; set one of the two"),
        ("pepper_file = 5", "pepper_file: the path of a file is text"),
        ('listen_file = "{secret}"', "listen_file: there is no such setting"),
        ('pixelbyte_api_key_file_file = "{secret}"', "pixelbyte_api_key_file_file: there is no such setting"),
    ],
)
def test_files_that_a_settings_file_must_not_name(tmp_path: Path, line: str, sentence: str) -> None:
    file, secret = tmp_path / "tollhouse.toml", tmp_path / "secret"
    secret.write_text("hunter2\n")
    file.write_text(line.replace("{secret}", str(secret)))
    assert mistakes(config=str(file)) == (f"{file}: {sentence}",)


def test_the_upstream_keys_file_is_left_to_be_read_again_and_again(tmp_path: Path) -> None:
    real = settings(PIXELBYTE_API_KEY_FILE=str(tmp_path / "later"))
    assert (real.sandboxed, real.pixelbyte_api_key) == (False, None)
    assert real.pixelbyte_api_key_file == tmp_path / "later"


def test_a_file_with_settings_and_the_environment_that_wins(tmp_path: Path) -> None:
    file = tmp_path / "tollhouse.toml"
    file.write_text('upstream_timeout = "20s"\nmax_body = "2MiB"\nlisten = "127.0.0.1:9000"\nworkers = 1\n')
    both = settings(config=str(file), max_body="3MiB")
    assert (both.upstream_timeout, both.max_body, both.listen.port) == (20.0, 3 * 1024**2, 9000)

    file.write_text('upstream_timeouts = "20s"\nbudget = 5\n')
    assert mistakes(config=str(file)) == (
        f"{file}: budget: there is no such setting",
        f"{file}: upstream_timeouts: there is no such setting",
    )
    file.write_text("= broken")
    assert mistakes(config=str(file))[0].startswith(f"TOLLHOUSE_CONFIG: {file}: ")
    assert mistakes(config=str(tmp_path / "nothing"))[0].startswith("TOLLHOUSE_CONFIG: ")


def test_secrets_are_shown_nowhere() -> None:
    whole = settings(
        PIXELBYTE_API_KEY=CANARY, redis_url="redis://:hunter2@redis", pepper="hunter2", admin_key="hunter2"
    )
    for text in (repr(whole), str(whole), str(whole.model_dump()), whole.model_dump_json()):
        assert CANARY not in text
        assert "hunter2" not in text


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().workers = 2


def test_every_field_has_its_variable() -> None:
    assert variable("pixelbyte_api_key") == "PIXELBYTE_API_KEY"
    assert variable("pixelbyte_api_key_file") == "PIXELBYTE_API_KEY_FILE"
    assert variable("redis_url") == "TOLLHOUSE_REDIS_URL"
