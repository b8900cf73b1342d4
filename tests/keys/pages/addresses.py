"""Where the pages of keys are."""

from django.urls import reverse

from keys.models import Key, Rotation, Secret


def place(name: str, env: str = "development", org: str = "acme", **more) -> str:
    return reverse(f"keys:{name}", kwargs={"org": org, "env": env, **more})


def page(name: str, key: Key, **more) -> str:
    return reverse(f"keys:{name}", kwargs={**key.address, **more})


def page_of(rotation: Rotation) -> str:
    return page("rotation", rotation.key, rotation=rotation.public_id)


def leak_page(secret: Secret) -> str:
    return page("leak", secret.key, secret=secret.public_id)
