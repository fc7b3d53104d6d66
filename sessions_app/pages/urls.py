from django.urls import path

from sessions_app.pages import views

app_name = "sessions"
urlpatterns = [
    path("", views.lobby, name="lobby"),
    path("visit/", views.visit, name="visit"),
    path("sessions/", views.create, name="create"),
    path("sessions/<uuid:key>/", views.session_page, name="session"),
    path("sessions/<uuid:key>/start/", views.start, name="start"),
    path("sessions/<uuid:key>/stop/", views.stop, name="stop"),
    path("sessions/<uuid:key>/ticket/", views.ticket, name="ticket"),
    path("sessions/<uuid:key>/beacon/", views.beacon, name="beacon"),
]
