"""The gateway's configuration: pydantic models, filled from flags, the environment and a TOML file.

Flags win over environment variables (`SIPRTMP_SIP__PORT=5070`), which win over the file, which wins over the
defaults written here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from .config_errors import explain
from .errors import ConfigurationError
from .setting_types import (
    Aor,
    BridgeRate,
    Domains,
    IpAddress,
    Port,
    PortRange,
    Proxy,
    RtpPorts,
    Section,
    SrtpPolicy,
    Users,
    WorkerCount,
    list_of_sections,
)

Setting = str | int | float | bool | None | Mapping[str, "Setting"]

ENVIRONMENT_PREFIX = "SIPRTMP_"


class RtmpConfig(Section):
    """Where RTMP clients connect."""

    host: str = "0.0.0.0"
    port: Port = 1935
    connect_timeout_s: float = Field(10.0, gt=0)
    """How long a client may take for the handshake, and then for its `connect` command."""
    tls_port: Port = 0
    """Where clients of rtmps:// connect; 0: nowhere."""
    certificate: str = ""
    """PEM file with the certificate of `tls_port`, and those between it and the root."""
    key: str = ""
    """PEM file with its private key, without a passphrase; empty: the key is in the certificate's file."""
    policy_file_domains: Domains = ("*",)
    """Whose pages Flash Player lets connect; none: a request for the policy file is refused."""
    max_connections: int = Field(10_000, ge=1)
    """How many clients may be connected at a time, by RTMP and RTMPS together."""
    max_connections_per_address: int = Field(2_000, ge=1)
    """How many of them from one IPv4 address or IPv6 /64."""
    max_new_connections_per_s: float = Field(0.0, ge=0)
    """How many new connections a second one address may open, after a first hundred; 0: no limit."""

    @model_validator(mode="after")
    def _has_what_tls_needs(self) -> RtmpConfig:
        if self.tls_port and not self.certificate:
            raise ValueError("tls_port needs certificate, and key unless that is in the same file")
        if self.tls_port and self.tls_port == self.port:
            raise ValueError(f"port and tls_port are both {self.port}")
        return self


class LiveConfig(Section):
    """The application `live`: streams that one client publishes and many play."""

    enabled: bool = True
    publish_key: SecretStr = SecretStr("")
    """What publishers must add to the name of their stream, `cam?key=…`; empty: anybody may publish."""
    play_key: SecretStr = SecretStr("")
    """What players must add; empty: anybody may play."""
    publishers: Users = Field({})
    """Names and passwords of those who may publish, by `authmod`; none: anybody may."""
    authmod: Literal["adobe", "llnw"] = "adobe"
    """How publishers prove who they are: as Adobe's servers want it, or Limelight's."""
    republish: Literal["refuse", "replace"] = "refuse"
    """What becomes of a stream's publisher when another client wants to publish under its name."""
    recordings: str = ""
    """Directory of the recordings that clients make and play; empty: none."""
    record_all: bool = False
    """Whether streams that are published as `live`, as OBS and FFmpeg do, are recorded too: as `append`."""
    max_streams: int = Field(1000, ge=1)
    """How many streams may be published at a time."""
    max_streams_per_address: int = Field(200, ge=1)
    """How many of them from one IPv4 address or IPv6 /64."""
    max_players: int = Field(10_000, ge=1)
    """How many may play at a time, waiting ones included."""
    max_players_per_address: int = Field(2_000, ge=1)
    """How many of them at one address."""
    idle_timeout_s: float = Field(600.0, ge=0)
    """A client that for so long has neither published nor played nor called anything is closed; 0: never."""
    silent_publisher_timeout_s: float = Field(0.0, ge=0)
    """A publisher that sends nothing for so long is closed; 0: never."""
    sound_rest_ms: float = Field(1.0, ge=0, le=10)
    """How long their process rests between turns while it relays much sound and no video; 0: not at all."""

    @model_validator(mode="after")
    def _has_where_to_record(self) -> LiveConfig:
        if self.record_all and not self.recordings:
            raise ValueError("record_all needs recordings, a directory")
        return self


class SipConfig(Section):
    """Our side of SIP."""

    int_ip: IpAddress = ""
    """Address that SIP and RTP are bound to; empty: all of them."""
    ext_ip: IpAddress = ""
    """Address written into SIP and SDP, where that is another (behind NAT); empty: the bound one."""
    port: Port = 5060
    outbound_proxy: Proxy = ""
    """Where all requests go first, such as `pbx.example.com:5060`; empty: the domain of each address."""
    register_expires_s: int = Field(300, ge=30, le=86400)
    register_timeout_s: float = Field(10.0, gt=0)
    """How long a registrar may take to answer before the client is refused."""
    max_calls: int = Field(32, ge=1, le=1024)
    """Upper limit of calls; the pjsua2 wheel has a lower one of its own (4)."""

    @property
    def outbound_proxy_uri(self) -> str:
        """The proxy as a loose-routing SIP URI (RFC 3261 §16.12), or empty."""
        proxy = self.outbound_proxy
        if not proxy:
            return ""
        uri = proxy if proxy.lower().startswith(("sip:", "sips:")) else f"sip:{proxy}"
        return uri if ";lr" in uri else f"{uri};lr"


class MediaConfig(Section):
    """Audio and video between the two sides."""

    rtp_ports: RtpPorts = PortRange()
    bridge_rate_hz: BridgeRate = 16000
    """Sampling rate of the conference bridge; 8000 costs a little less and narrows every call to telephone
    quality."""
    quality: int = Field(8, ge=1, le=10)
    """Of Speex on the SIP side. With a bridge at 8 kHz also of how it takes the audio of wideband codecs
    down: below 5 by a short filter, below 3 by none."""
    rtp_timeout_s: float = Field(60.0, ge=0)
    """A call whose peer sends no RTP for so long, and is not on hold, ends; 0: never."""
    queue_max_ms: int = Field(240, ge=60, le=2000)
    """Upper bound of the audio that waits for the bridge; older audio is dropped."""
    video_bandwidth_kbps: int = Field(0, ge=0, le=1_000_000)
    """What a peer is asked to keep its video below (b=AS, b=TIAS); 0: nothing is said."""
    video_transcoding: Literal["auto", "never"] = "auto"
    """Whether video that the peer cannot take as it is gets decoded and encoded anew, or is sent all the
    same."""
    key_frame_wait_s: float = Field(0.0, ge=0)
    """A client that lets a peer wait so long for a key frame is transcoded from then on; 0: never."""
    srtp: SrtpPolicy = "accept"
    """Whether SIP calls are encrypted, with keys in SDP: if the peer offers it, all of them, or none."""


class WorkersConfig(Section):
    """The processes that calls are spread over."""

    count: WorkerCount = "auto"
    """How many there are at least; 1: none, all is one process; auto: one, and more as they are needed."""
    max: int | None = Field(None, ge=1, le=1000)
    """How many there may be; each holds as many calls as its pjsua2 can (4 in the stock wheel).

    None: as many as there are ports for, up to 32; all is one process if that is one.
    """
    idle_timeout_s: float = Field(60.0, gt=0)
    """A worker that for so long has had no client, and is not needed, ends."""
    max_lag_ms: float = Field(50.0, ge=0)
    """A process whose event loop is late by more than that takes no new clients and calls; 0: it does."""

    @model_validator(mode="after")
    def _has_room(self) -> WorkersConfig:
        if self.max is not None and self.least > self.max:
            raise ValueError(f"count {self.count} is more than max {self.max}")
        return self

    @property
    def least(self) -> int:
        """How many there are at least."""
        return 1 if self.count == "auto" else self.count


class AccountConfig(Section):
    """A SIP account that clients use without knowing its password: they connect with an empty one."""

    aor: Aor
    """The address of record, `alice@pbx.example.com`."""
    password: SecretStr
    login: str = ""
    """The name that the registrar knows; empty: the user part of the address."""
    display_name: str = ""
    keep_registered: bool = True
    """Whether it is registered all the time, or only while a client is connected to it."""


class GatewayConfig(BaseSettings):
    """All settings of a gateway."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    rtmp: RtmpConfig = RtmpConfig()
    live: LiveConfig = LiveConfig()
    sip: SipConfig = SipConfig()
    media: MediaConfig = MediaConfig()
    workers: WorkersConfig = WorkersConfig()
    accounts: Annotated[tuple[AccountConfig, ...], BeforeValidator(list_of_sections)] = ()
    """Accounts that belong to the gateway. Whoever reaches the RTMP port can use them."""
    max_calls: int | None = Field(None, ge=1)
    """How many calls there may be, of all processes together; None: as many as those can hold."""
    share_aor: bool = False
    """Whether two clients may use the same address of record without naming an instance."""
    shutdown_timeout_s: float = Field(3.0, gt=0, le=30)
    """How long hanging up and unregistering may take at the end."""
    drain_timeout_s: float = Field(3600.0, gt=0)
    """How long calls may go on after `siprtmp drain`."""
    control: str = ""
    """Path of the Unix socket for `siprtmp status`; empty: one that the RTMP port gives; none: no socket."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` merged: it reads the environment itself, to put the file below it."""
        return (init_settings,)

    @property
    def standing_aors(self) -> tuple[str, ...]:
        """The addresses of the accounts that are registered all the time."""
        return tuple(account.aor for account in self.accounts if account.keep_registered)

    def account_of(self, aor: str) -> AccountConfig | None:
        """Return the configured account of an address, if there is one; addresses compare without case."""
        return next((account for account in self.accounts if account.aor.lower() == aor.lower()), None)

    @classmethod
    def load(cls, file: Path | None = None, flags: Mapping[str, Setting] | None = None) -> GatewayConfig:
        """Read the configuration; `flags` is nested like the file. Raises `ConfigurationError`."""
        merged: dict[str, Any] = {}
        for source in (read_toml(file) if file else {}, _environment(cls), flags or {}):
            _merge(merged, source)
        try:
            return cls(**merged)
        except ValidationError as error:
            sources = f"flags, {ENVIRONMENT_PREFIX}… variables or {file}" if file else ""
            raise ConfigurationError(explain(error, cls, sources)) from None


class _Environment(EnvSettingsSource):
    """Leaves what is not JSON as it is: `20000-20999` is a range of ports to the model, not to JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _environment(settings: type[BaseSettings]) -> dict[str, Any]:
    return _Environment(settings)()


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file; raises `ConfigurationError` with the reason in one line."""
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML: {error}") from None


def _merge(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    for key, value in source.items():
        if isinstance(value, Mapping):
            below = target.setdefault(key, {})
            if isinstance(below, dict):
                _merge(below, value)
                continue
        target[key] = value
