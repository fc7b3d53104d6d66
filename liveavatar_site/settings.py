"""The one settings file. Each value that a deployment may change comes from the environment or `.env`.

The defaults run a fresh clone on one machine: SQLite, channel layer in memory, our own simulator of the service.
"""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from liveavatar_site.environment import database, read_environment, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
# In lower case, so that Django's debug pages do not show it as a setting.
_env = read_environment(BASE_DIR / ".env")
VAR_DIR = _env.VAR_DIR or BASE_DIR / "var"
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = _env.DEBUG
SECRET_KEY = secret_key(_env, VAR_DIR / "secret_key")
ALLOWED_HOSTS = _env.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = _env.CSRF_TRUSTED_ORIGINS

# The avatar service. Without a key everything runs against the simulator on this machine.
LIVEAVATAR_API_KEY = _env.LIVEAVATAR_API_KEY
SIMULATED = not LIVEAVATAR_API_KEY
SIMULATOR_PORT = _env.SIMULATOR_PORT
LIVEAVATAR_API_URL = _env.LIVEAVATAR_API_URL or (
    f"http://127.0.0.1:{SIMULATOR_PORT}" if SIMULATED else "https://api.liveavatar.com"
)
LIVEAVATAR_SANDBOX = _env.LIVEAVATAR_SANDBOX
# Seconds. A session that no side ends is billed until then.
LIVEAVATAR_MAX_DURATION = _env.LIVEAVATAR_MAX_DURATION
# The wire's word for CUSTOM mode; it has changed once.
LIVEAVATAR_CUSTOM_MODE_NAME = _env.LIVEAVATAR_CUSTOM_MODE_NAME

# Our own LiveKit, which dispatches the agents of CUSTOM sessions and has our own rooms. By default the simulator's: its
# embedded room server, or the LiveKit server that the simulator was given.
EMBEDDED_ROOMS = f"ws://127.0.0.1:{SIMULATOR_PORT}"
LIVEKIT_URL = _env.LIVEKIT_URL or ((_env.SIMULATOR_LIVEKIT_URL or EMBEDDED_ROOMS) if SIMULATED else "")
LIVEKIT_API_KEY = _env.LIVEKIT_API_KEY or _env.SIMULATOR_LIVEKIT_API_KEY or _env.SIMULATOR_ROOM_KEY
LIVEKIT_API_SECRET = (
    _env.LIVEKIT_API_SECRET or _env.SIMULATOR_LIVEKIT_API_SECRET or _env.SIMULATOR_ROOM_SECRET
)
# Its address for browsers and for the vendor's avatars, where that differs.
LIVEKIT_PUBLIC_URL = _env.LIVEKIT_PUBLIC_URL or LIVEKIT_URL
CUSTOM_AVAILABLE = bool(LIVEKIT_URL and LIVEKIT_API_KEY and LIVEKIT_API_SECRET)
# The site's address for agents.
SITE_URL = _env.SITE_URL
# Seconds: a dispatched agent says hello within the first, and a start finds an agent within the second. The site
# replaces an agent that has been silent for the third.
AGENT_HELLO_WITHIN = _env.AGENT_HELLO_WITHIN
AGENT_START_WITHIN = _env.AGENT_START_WITHIN
AGENT_LEASE = _env.AGENT_LEASE

# Seconds between keep-alives while a page is open. The vendor ends a silent session after 3 to 5 minutes.
KEEP_ALIVE_INTERVAL = _env.KEEP_ALIVE_INTERVAL
# Seconds a session waits for its page to come back (reload, short loss of network) before it is stopped.
PAGE_GRACE = _env.PAGE_GRACE
# Starts per address and minute.
STARTS_PER_MINUTE = _env.STARTS_PER_MINUTE
# Sessions that may be open at once on the whole site.
MAX_OPEN_SESSIONS = _env.MAX_OPEN_SESSIONS

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

DATABASES = {"default": database(_env.DATABASE_URL or f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = _env.REDIS_URL
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
TIME_ZONE = _env.TIME_ZONE
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Cookies and transport. TLS may be switched off only for a trial on a private network.
HTTPS = not DEBUG if _env.HTTPS is None else _env.HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _env.BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = (31536000 if HTTPS else 0) if _env.HSTS_SECONDS is None else _env.HSTS_SECONDS
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
        "connect-src": [SELF, _service, *_rooms, *_own_rooms, *_env.ROOM_ORIGINS],
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
    "root": {"handlers": ["console"], "level": _env.LOG_LEVEL},
    # httpx logs one line per request, which would repeat the session's events.
    "loggers": {
        "httpx": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
