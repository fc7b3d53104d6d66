from django.urls import path

from sessions_app.sockets.agent import AgentConsumer
from sessions_app.sockets.page import SessionConsumer

page_urlpatterns = [path("ws/sessions/<uuid:key>/", SessionConsumer.as_asgi())]  # type: ignore[arg-type]
agent_urlpatterns = [path("ws/agents/<uuid:key>/", AgentConsumer.as_asgi())]  # type: ignore[arg-type]
