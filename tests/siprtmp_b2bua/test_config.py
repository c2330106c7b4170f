"""Configuration: precedence of its sources, and messages that say what to do."""

from pathlib import Path

import pytest

from siprtmp_b2bua.config import GatewayConfig, Setting
from siprtmp_b2bua.errors import ConfigurationError
from siprtmp_b2bua.setting_types import PortRange


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    file = tmp_path / "siprtmp.toml"
    file.write_text(
        '[rtmp]\nport = 2001\n[sip]\nport = 5001\nint_ip = "127.0.0.1"\n'
        '[media]\nrtp_ports = "20000-20100"\n'
        '[[accounts]]\naor = "sip:alice@pbx"\npassword = "hush-hush"\n'
    )
    return file


def test_flags_win_over_environment_over_file_over_defaults(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPRTMP_SIP__PORT", "5002")
    monkeypatch.setenv("SIPRTMP_RTMP__PORT", "2002")
    config = GatewayConfig.load(toml, {"rtmp": {"port": 2003}})
    assert (config.rtmp.port, config.sip.port) == (2003, 5002)
    assert (config.sip.int_ip, config.rtmp.host) == ("127.0.0.1", "0.0.0.0")
    assert config.media.rtp_ports == PortRange(low=20000, high=20100)


def test_numbers_of_the_environment_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIPRTMP_MEDIA__BRIDGE_RATE_HZ", "8000")
    monkeypatch.setenv("SIPRTMP_MEDIA__RTP_TIMEOUT_S", "2.5")
    media = GatewayConfig.load().media
    assert (media.bridge_rate_hz, media.rtp_timeout_s) == (8000, 2.5)


def test_accounts_are_found_and_their_passwords_stay_hidden(toml: Path) -> None:
    config = GatewayConfig.load(toml)
    account = config.account_of("Alice@PBX")
    assert account is not None
    assert account.password.get_secret_value() == "hush-hush"
    assert config.account_of("bob@pbx") is None
    assert "hush-hush" not in repr(config) + str(config) + config.model_dump_json()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sip": {"int_ip": "pbx.example.com"}}, "sip.int_ip: 'pbx.example.com' is not an IP address"),
        ({"sip": {"prot": 5060}}, "there is no setting sip.prot"),
        ({"port": 1936}, "there is no setting port (did you mean rtmp.port or sip.port?)"),
        ({"prot": 1936}, "there is no setting prot (did you mean rtmp.port or sip.port?)"),
        ({"sip": {"prot": 5060}}, "sip.prot (did you mean sip.port?)"),
        ({"sip": {"rtp_ports": "1-9"}}, "sip.rtp_ports (did you mean media.rtp_ports?)"),
        ({"worker": {"count": 2}}, "there is no setting worker (did you mean workers?)"),
        ({"xyz": 1}, "bad configuration: there is no setting xyz"),
        ({"workers": {"count": 0}}, "bad configuration: workers.count: auto, or a number from 1 to 1000"),
        ({"workers": {"count": "many"}}, "workers.count: auto, or a number from 1 to 1000"),
        ({"workers": {"count": 1001}}, "workers.count: auto, or a number from 1 to 1000"),
        ({"workers": {"count": True}}, "workers.count: auto, or a number from 1 to 1000"),
        (
            {"accounts": {"aor": "a@b", "password": "hush"}},
            "accounts: a list is needed: sections [[accounts]]",
        ),
        ({"media": {"rtp_ports": 10000}}, "10000 is not a range of ports"),
        ({"sip": "here"}, "sip: a section of settings is needed, [sip]"),
        ({"rtmp": {"port": 70000}}, "rtmp.port: "),
        ({"media": {"rtp_ports": "all"}}, "'all' is not a range of ports"),
        ({"media": {"rtp_ports": "20000-20003"}}, "too small"),
        ({"media": {"bridge_rate_hz": 44100}}, "media.bridge_rate_hz"),
        ({"sip": {"outbound_proxy": "a b"}}, "is not a proxy"),
        ({"sip": "here"}, "sip: "),
        ({"live": {"publishers": "bob"}}, 'live.publishers: not a table of names and passwords, such as {"'),
        ({"live": {"publishers": {"a b": "hush"}}}, "live.publishers: 'a b': a user's name is not empty and"),
        ({"live": {"publishers": {"b" * 65: "hush"}}}, "a user's name has at most 64 characters"),
        ({"live": {"publishers": {"bob": ""}}}, "'bob' has an empty password"),
        ({"live": {"publishers": {"bob": 1234}}}, "live.publishers.bob: Input should be a valid string"),
        ({"live": {"authmod": "basic"}}, "live.authmod: Input should be 'adobe' or 'llnw'"),
        ({"live": {"idle_timeout_s": -1}}, "live.idle_timeout_s: "),
        ({"live": {"record_all": True}}, "live: record_all needs recordings, a directory"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Setting], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.load(None, settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_settings_of_accounts_are_named(tmp_path: Path) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_text('[[accounts]]\naro = "alice@pbx"\npassword = "hush-hush"\n')
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.load(file)
    assert "accounts.0.aor is missing" in str(caught.value)
    assert "there is no setting accounts.0.aro (did you mean accounts.aor?)" in str(caught.value)


def test_publishers_come_from_the_file_and_a_variable_and_their_passwords_stay_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_text('[live.publishers]\nAlice = "hush-file"\nbob = "hush-old"\n')
    monkeypatch.setenv("SIPRTMP_LIVE__PUBLISHERS", '{"bob": "hush-new"}')
    config = GatewayConfig.load(file)
    passwords = {user: secret.get_secret_value() for user, secret in config.live.publishers.items()}
    assert passwords == {"Alice": "hush-file", "bob": "hush-new"}
    assert "hush" not in repr(config) + str(config) + config.model_dump_json()


def test_a_bad_password_setting_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_text('[[accounts]]\naor = "nobody"\npassword = "hush-hush"\n')
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.load(file)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [(b"[rtmp", "is not TOML"), (b"\xff\xfe", "is not TOML")])
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "siprtmp.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        GatewayConfig.load(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        GatewayConfig.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("proxy", "uri"),
    [
        ("", ""),
        ("pbx:5070", "sip:pbx:5070;lr"),
        ("sip:pbx;transport=tcp", "sip:pbx;transport=tcp;lr"),
        ("sip:pbx;lr", "sip:pbx;lr"),
    ],
)
def test_outbound_proxy_becomes_a_loose_route(proxy: str, uri: str) -> None:
    assert GatewayConfig.load(None, {"sip": {"outbound_proxy": proxy}}).sip.outbound_proxy_uri == uri
