"""The ASGI application: pages, websockets, and the work that starts and stops with the server."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liveavatar_site.settings")
django_application = get_asgi_application()

# Django must be set up before these are imported.
from liveavatar_site.origin import SameOriginOnly  # noqa: E402
from liveavatar_site.server_life import follow_daphne, lifespan  # noqa: E402
from sessions_app.sockets.routing import agent_urlpatterns, page_urlpatterns  # noqa: E402

page_sockets: Any = SameOriginOnly(SessionMiddlewareStack(URLRouter(page_urlpatterns)))  # type: ignore[arg-type]
# Agents are not browsers: they send no Origin, and the key of their dispatch proves them.
sockets: Any = URLRouter([*agent_urlpatterns, re_path("", page_sockets)])  # type: ignore[list-item]
pages: Any = ASGIStaticFilesHandler(django_application) if settings.DEBUG else django_application

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": sockets,
        "lifespan": lifespan,
    }
)
follow_daphne()
