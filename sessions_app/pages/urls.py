from django.urls import path

from sessions_app.pages import lobby, session

app_name = "sessions"
urlpatterns = [
    path("", lobby.lobby, name="lobby"),
    path("visit/", lobby.visit, name="visit"),
    path("sessions/", lobby.create, name="create"),
    path("sessions/<uuid:key>/", session.session_page, name="session"),
    path("sessions/<uuid:key>/start/", session.start, name="start"),
    path("sessions/<uuid:key>/stop/", session.stop, name="stop"),
    path("sessions/<uuid:key>/ticket/", session.ticket, name="ticket"),
    path("sessions/<uuid:key>/beacon/", session.beacon, name="beacon"),
]
