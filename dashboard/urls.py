"""The map of the whole site."""

from django.urls import include, path

from dashboard import errors, health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("docs/errors", views.error_codes, name="error_codes"),
    path("account/", views.account, name="account"),
    path("account/theme/", views.theme, name="theme"),
    path("accounts/", include("allauth.urls")),
    path("o/<slug:org>/", views.overview_page, name="overview"),
    path("o/<slug:org>/search/", views.search, name="search"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
