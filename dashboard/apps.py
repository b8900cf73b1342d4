from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        # Web processes ring for work too: without this line their messages would go to a default app.
        from dashboard import celery  # noqa: F401
