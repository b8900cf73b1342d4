from django.apps import AppConfig
from django.core.checks import Tags, register

from keys.checks import keyrings_are_well_formed


class KeysConfig(AppConfig):
    name = "keys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # With --deploy only: the commands that make the keys must run without them.
        register(keyrings_are_well_formed, Tags.security, deploy=True)
