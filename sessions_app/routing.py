from django.urls import path

from sessions_app.consumers import SessionConsumer

websocket_urlpatterns = [path("ws/sessions/<uuid:key>/", SessionConsumer.as_asgi())]  # type: ignore[arg-type]
