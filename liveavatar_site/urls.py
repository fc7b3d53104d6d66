from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Avatar conversations"

urlpatterns = [
    # The admin names no icon, so browsers ask here.
    path("favicon.ico", RedirectView.as_view(url=static("img/favicon.svg"))),
    path("admin/", admin.site.urls),
    path("", include("sessions_app.pages.urls")),
]
