"""The one settings file. Every value a deployment may change is read here, from the environment or `.env`.

The defaults run a fresh clone on one machine: SQLite, channel layer in memory, our own simulator of the service.
"""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from liveavatar_site.env import (
    database,
    env_bool,
    env_int,
    env_list,
    env_room_url,
    env_str,
    env_url,
    load_dotenv,
    secret_key,
)

BASE_DIR = Path(__file__).resolve().parent.parent
load_dotenv(Path(env_str("ENV_FILE", str(BASE_DIR / ".env"))))
VAR_DIR = Path(env_str("VAR_DIR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = secret_key(DEBUG, VAR_DIR / "secret_key")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])

# The avatar service. Without a key everything runs against the simulator on this machine.
LIVEAVATAR_API_KEY = env_str("LIVEAVATAR_API_KEY")
SIMULATED = not LIVEAVATAR_API_KEY
SIMULATOR_PORT = env_int("SIMULATOR_PORT", 8700)
LIVEAVATAR_API_URL = env_url(
    "LIVEAVATAR_API_URL",
    f"http://127.0.0.1:{SIMULATOR_PORT}" if SIMULATED else "https://api.liveavatar.com",
)
LIVEAVATAR_SANDBOX = env_bool("LIVEAVATAR_SANDBOX", False)
# Seconds. A session that nobody ends is billed until then.
LIVEAVATAR_MAX_DURATION = env_int("LIVEAVATAR_MAX_DURATION", 600, at_least=30)

# Our own LiveKit: where agents of CUSTOM sessions are dispatched, and rooms of ours are. By default the simulator's,
# which is the embedded one unless the simulator itself was given another.
EMBEDDED_ROOMS = f"ws://127.0.0.1:{SIMULATOR_PORT}"
LIVEKIT_URL = env_room_url(
    "LIVEKIT_URL", env_str("SIMULATOR_LIVEKIT_URL", EMBEDDED_ROOMS) if SIMULATED else ""
)
LIVEKIT_API_KEY = env_str(
    "LIVEKIT_API_KEY", env_str("SIMULATOR_LIVEKIT_API_KEY", env_str("SIMULATOR_ROOM_KEY"))
)
LIVEKIT_API_SECRET = env_str(
    "LIVEKIT_API_SECRET", env_str("SIMULATOR_LIVEKIT_API_SECRET", env_str("SIMULATOR_ROOM_SECRET"))
)
# What browsers and the service's avatars call it, where that differs.
LIVEKIT_PUBLIC_URL = env_room_url("LIVEKIT_PUBLIC_URL", LIVEKIT_URL)
CUSTOM_AVAILABLE = bool(LIVEKIT_URL and LIVEKIT_API_KEY and LIVEKIT_API_SECRET)
# The wire's word for CUSTOM; it has changed once.
LIVEAVATAR_CUSTOM_MODE_NAME = env_str("LIVEAVATAR_CUSTOM_MODE_NAME", "LITE")
# Where agents reach this site.
SITE_URL = env_url("SITE_URL", "http://127.0.0.1:8000")
# Seconds: an agent that was dispatched says hello within the first, a start finds one within the second, and an agent
# that was not heard of for the third is replaced.
AGENT_HELLO_WITHIN = env_int("AGENT_HELLO_WITHIN", 3, at_least=1)
AGENT_START_WITHIN = env_int("AGENT_START_WITHIN", 15, at_least=1)
AGENT_LEASE = env_int("AGENT_LEASE", 6, at_least=2)

# Seconds between keep-alives while a page is open; the service ends a silent session after 3 to 5 minutes.
KEEP_ALIVE_INTERVAL = env_int("KEEP_ALIVE_INTERVAL", 60, at_least=5)
# Seconds a session waits for its page to come back (reload, short loss of network) before it is stopped.
PAGE_GRACE = env_int("PAGE_GRACE", 15, at_least=1)
# Starts one address may make in a minute.
STARTS_PER_MINUTE = env_int("STARTS_PER_MINUTE", 10, at_least=1)
# Sessions that may be open at once on the whole site.
MAX_OPEN_SESSIONS = env_int("MAX_OPEN_SESSIONS", 50, at_least=1)

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "sessions_app",
    "staff",
    "ops",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "liveavatar_site.urls"
ASGI_APPLICATION = "liveavatar_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database(env_str("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env_str("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = env_str("TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Cookies and transport. TLS may be switched off only for a trial on a private network.
HTTPS = env_bool("HTTPS", not DEBUG)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("BEHIND_TLS_PROXY", False) else None
SECURE_HSTS_SECONDS = env_int("HSTS_SECONDS", 31536000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Where pages may connect to: the service, for sessions the browser starts itself, and the rooms it names. The real
# service's rooms are LiveKit Cloud's; a service on this machine may have its rooms on any port. LiveKit Cloud sends
# clients on to a server near them.
_cloud = ["wss://*.livekit.cloud", "https://*.livekit.cloud"]
_api = urlsplit(LIVEAVATAR_API_URL)
_service = f"{_api.scheme}://{_api.netloc}"
_loopback = [] if _api.scheme == "https" else ["http://127.0.0.1:*", "http://localhost:*"]
_rooms = [*_loopback, "ws://127.0.0.1:*", "ws://localhost:*", f"ws://{_api.netloc}"] if _loopback else _cloud
_own = urlsplit(LIVEKIT_PUBLIC_URL)
_own_rooms = (
    [f"{_own.scheme}://{_own.netloc}", f"{_own.scheme.replace('ws', 'http')}://{_own.netloc}"]
    if _own.netloc
    else []
)
if (_own.hostname or "").endswith(".livekit.cloud"):
    _own_rooms += _cloud
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "https:", _service, *_loopback],
        "font-src": [SELF],
        "media-src": [SELF, "blob:", "mediastream:"],
        "worker-src": [SELF, "blob:"],
        "connect-src": [SELF, _service, *_rooms, *_own_rooms, *env_list("ROOM_ORIGINS", [])],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    # One line per request to the service would only repeat what the session's events say.
    "loggers": {
        "httpx": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
