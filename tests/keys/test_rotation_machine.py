"""Anything may happen in any order: a machine of hypothesis rotates a key against the real token service, with a
model beside it that knows only what people were promised."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from django.conf import settings as live_settings
from django.utils import timezone
from django.utils.crypto import get_random_string
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from environments.models import AuditEvent
from keys import tasks
from keys.handover import Browser, show
from keys.issuer import throttle, usage
from keys.models import CredentialTest, Rotation, Secret
from keys.services import issuing, keeping, rotating
from keys.services.issuing import NewKey, OneSight

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]
NOWHERE = "http://127.0.0.1:1"
SOME_TIME = st.sampled_from(
    [timedelta(seconds=20), timedelta(minutes=4), timedelta(minutes=20), timedelta(hours=13)]
)
GRACES = st.sampled_from([timedelta(), timedelta(hours=1), timedelta(hours=24)])


class Life(RuleBasedStateMachine):
    """One key, its people, its worker, and a client that buys tokens."""

    acme: Any
    time: Any
    server: str
    shown: Any

    @initialize()
    def a_key_that_works(self) -> None:
        self.scope = self.acme.enter("engineer")
        self.texts: dict[int, str] = {}
        self.promised_none = False  # after a leak a key may be without a working secret
        self.up = True
        live_settings.LATCHKEY_INTERNAL_URL = self.server
        sight = self._sight()
        shown = issuing.create_key(self.scope, NewKey(name=get_random_string(12)), sight)
        self.key = shown.secret.key
        self._learn(shown, sight)
        issuing.collect_secret(self.scope, shown)
        self.shown = None
        self._work(4)

    def _sight(self) -> OneSight:
        return OneSight(Browser(get_random_string(43)), get_random_string(32))

    def _learn(self, shown, sight) -> None:
        self.texts[shown.secret_id] = show(shown, sight.browser, timezone.now()).reveal()

    def _work(self, rounds: int) -> None:
        for _ in range(rounds):
            tasks.step_rotations()
            due = CredentialTest.objects.due(timezone.now()).filter(key=self.key)
            for test in list(due.values_list("pk", flat=True)):
                tasks.run_credential_test(test)

    def _buys(self, secret: Secret) -> bool:
        throttle.failures.clear()  # it asks far more often than a client would
        answer = requests.post(
            f"{self.server}/t/{self.key.environment.issuer_id}/token",
            data={"grant_type": "client_credentials"},
            auth=(self.key.client_id, self.texts[secret.pk]),
            timeout=10,
        )
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    @property
    def rotation(self) -> Rotation | None:
        return self.key.rotations.open().first()

    @rule(grace=GRACES)
    def a_person_rotates(self, grace) -> None:
        sight = self._sight()
        try:
            shown = rotating.start_rotation(
                self.scope, self.key.client_id, rotating.Plan(grace), sight
            )
        except (rotating.RotationRuns, rotating.TooManySecrets):
            return
        self._learn(shown, sight)
        self.shown = shown

    @precondition(lambda self: self.shown)
    @rule()
    def the_person_has_stored_it(self) -> None:
        issuing.collect_secret(self.scope, self.shown)
        self.shown = None

    @precondition(lambda self: self.shown)
    @rule()
    def the_person_could_not_store_it(self) -> None:
        issuing.discard_secret(self.scope, self.shown)
        self.shown = None

    @rule(act=st.sampled_from(["discard_rotation", "press_rotation", "extend_rotation"]))
    def a_person_changes_their_mind(self, act) -> None:
        try:
            getattr(rotating, act)(self.scope, self.key.client_id)
        except (rotating.TooLate, rotating.GraceTooLong):
            return
        if act == "discard_rotation":
            self.shown = None

    @rule(which=st.integers(0, 1))
    def a_secret_leaks(self, which) -> None:
        alive = list(self.key.secrets.unended(timezone.now()).order_by("pk"))
        if not alive:
            return
        leaked = alive[which % len(alive)]
        rotating.report_leak(self.scope, self.key.client_id, leaked.public_id, "seen in a chat")
        assert not self._buys(leaked), "a leaked secret ends in the request itself"
        others = [each for each in alive if each != leaked and each.collected_at]
        self.promised_none = self.promised_none or not any(self._buys(each) for each in others)

    @rule(which=st.integers(0, 1))
    def a_person_revokes(self, which) -> None:
        alive = list(self.key.secrets.unended(timezone.now()).order_by("pk"))
        if not alive:
            return
        chosen = alive[which % len(alive)]
        try:
            keeping.revoke_secret(self.scope, self.key.client_id, chosen.public_id)
        except keeping.OnlySecret:
            return
        if self.shown and self.shown.secret_id == chosen.pk:
            self.shown = None

    @rule()
    def the_endpoint_goes_away(self) -> None:
        live_settings.LATCHKEY_INTERNAL_URL = NOWHERE

    @rule()
    def the_endpoint_comes_back(self) -> None:
        live_settings.LATCHKEY_INTERNAL_URL = self.server

    @rule(span=SOME_TIME)
    def time_passes(self, span) -> None:
        self.time.move_to(timezone.now() + span)

    @rule(rounds=st.integers(1, 4))
    def a_worker_works(self, rounds) -> None:
        self._work(rounds)

    @rule()
    def a_message_comes_twice_and_late(self) -> None:
        for test in self.key.tests.values_list("pk", flat=True):
            tasks.run_credential_test(test)
        for rotation in self.key.rotations.values_list("pk", flat=True):
            tasks.step_rotation(rotation)

    @rule(which=st.integers(0, 1))
    def a_client_buys_a_token(self, which) -> None:
        alive = list(self.key.secrets.unended(timezone.now()).order_by("pk"))
        if alive:
            assert self._buys(alive[which % len(alive)])
            usage.flush()

    @invariant()
    def at_most_two_secrets_live(self) -> None:
        assert self.key.secrets.unended(timezone.now()).count() <= 2

    @invariant()
    def some_secret_that_was_stored_works(self) -> None:
        alive = self.key.secrets.unended(timezone.now()).exclude(collected_at=None)
        works = any(self._buys(each) for each in alive)
        assert works or self.promised_none
        self.promised_none = not works

    @invariant()
    def nothing_is_kept_of_what_ended_but_what_is_still_to_be_proven_dead(self) -> None:
        kept = self.key.secrets.exclude(revoked_at=None).exclude(sealed=None)
        dying = self.key.rotations.open().values_list("old", flat=True)
        assert set(kept.values_list("pk", flat=True)) <= set(dying)

    @invariant()
    def what_ended_is_refused(self) -> None:
        for ended in self.key.secrets.exclude(revoked_at=None):
            assert not self._buys(ended)

    @invariant()
    def no_secret_was_retired_before_its_successor_was_proven(self) -> None:
        retired = self.key.rotations.exclude(retired_at=None).exclude(retired_on="")
        for rotation in retired.select_related("new"):
            assert rotation.proven_at
            assert rotation.retired_at
            assert rotation.proven_at <= rotation.retired_at

    @invariant()
    def what_is_called_proven_dead_has_both_receipts(self) -> None:
        for rotation in self.key.rotations.filter(outcome=Rotation.Outcome.PROVEN_DEAD):
            refused, accepted = rotation.refused_by, rotation.accepted_by
            assert refused and refused.finished_at  # noqa: PT018
            assert accepted and accepted.finished_at  # noqa: PT018
            apart = accepted.finished_at - refused.finished_at
            assert timedelta() <= apart <= timedelta(seconds=60)

    @invariant()
    def at_most_one_rotation_is_open_and_no_event_is_missing(self) -> None:
        assert self.key.rotations.open().count() <= 1
        organization = self.key.environment.organization_id
        told = AuditEvent.objects.filter(organization_id=organization).order_by("sequence")
        numbers = list(told.values_list("sequence", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))

    def teardown(self) -> None:
        """When all is well again, every rotation that needs no person comes to its end."""
        live_settings.LATCHKEY_INTERNAL_URL = self.server
        rotation = self.rotation
        new = rotation.new if rotation else None
        if new is None or new.collected_at is None or new.revoked_at:
            return  # it waits for a person
        for _ in range(6):
            self.time.move_to(timezone.now() + timedelta(hours=25))
            self._work(6)
        assert self.rotation is None, f"stuck at {self.rotation.step}"


def test_whatever_happens_a_key_that_did_not_leak_has_a_secret_that_works(
    acme, live_server, time_machine, settings
):
    time_machine.move_to(timezone.now())
    settings.LATCHKEY_INTERNAL_URL = live_server.url
    Life.acme, Life.time, Life.server = acme, time_machine, live_server.url
    run_state_machine_as_test(Life, settings=_examples())


def _examples() -> settings:
    return settings(
        max_examples=12,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
