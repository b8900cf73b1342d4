"""Is the log what was written? Exit 0: yes. 1: no, and where. 2: it cannot be told, or not up to now."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from environments import exported, verifying
from environments.audit import INSTALLATION
from environments.exported import BadExport, Verdict
from environments.keyrings import BadKeyring
from environments.models import Organization
from environments.signing import Verifier
from environments.verifying import Report

FINE, FALSE, UNTOLD = 0, 1, 2


class Command(BaseCommand):
    help = "Checks the audit log of this installation, or an export alone with the public key."
    requires_system_checks = []  # an export is checked where there are no keys and no database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--export", type=Path, help="a JSON Lines export; no database is asked")
        parser.add_argument(
            "--keys", type=Path, help="the public keys (audit-public.json, or /audit/keys.json)"
        )
        parser.add_argument("--organization", help="its address; without it, all of them")
        parser.add_argument("--witness", type=Path, help="checkpoints written outside the database")

    def handle(self, *args: Any, **options: Any) -> None:
        verifier = _verifier(options["keys"])
        if options["export"]:
            code = self._export(options["export"], verifier)
        else:
            code = self._database(verifier, options["organization"], options["witness"])
        if code:
            sys.exit(code)

    def _export(self, path: Path, verifier: Verifier) -> int:
        try:
            verdict = exported.verify(path, verifier)
        except BadExport as error:
            self.stdout.write(f"FALSE: {error}.")
            return FALSE
        return self._say_export(verdict)

    def _say_export(self, verdict: Verdict) -> int:
        heading, walked = verdict.heading, verdict.walked
        self.stdout.write(f"{heading.name}: {walked.count} entries read.")
        if walked.fault:
            self.stdout.write(f"FALSE: {walked.fault}.")
            return FALSE
        if not heading.whole:
            self.stdout.write(
                "A selection: no entry was changed, but whether one is missing cannot be told."
            )
            return UNTOLD
        if walked.signed < walked.sequence or not verdict.signed_at:
            self.stdout.write(
                f"Unsigned after entry {walked.signed}: the rest is not proven by this file."
            )
            return UNTOLD
        self.stdout.write(
            f"SOUND: complete up to entry {walked.sequence}, as signed at {verdict.signed_at}."
        )
        return FINE

    def _database(self, verifier: Verifier, slug: str | None, witness: Path | None) -> int:
        names = {INSTALLATION: "the installation"}
        names |= dict(Organization.objects.values_list("pk", "slug"))
        only = next((pk for pk, name in names.items() if name == slug), None) if slug else None
        if slug and only is None:
            raise CommandError(f"There is no organization {slug!r}.")
        report = verifying.verify(
            verifier, timezone.now(), outside=witness or _default_witness(), only=only
        )
        return self._say(report, names)

    def _say(self, report: Report, names: dict[int, str]) -> int:
        for problem in report.problems:
            self.stdout.write(f"FALSE: {problem}.")
        for organization, walked in report.chains.items():
            name = names.get(organization, f"organization {organization}, which is gone")
            says = f"FALSE: {walked.fault}" if walked.fault else "sound"
            signed = f"signed up to {walked.signed}"
            self.stdout.write(f"{name}: {walked.count} entries, {signed}: {says}.")
        if not report.sound:
            return FALSE
        at = report.signed_at.isoformat(timespec="seconds") if report.signed_at else "never"
        self.stdout.write(f"Last checkpoint: {at}.")
        if report.late:
            self.stdout.write(
                "NOT UP TO NOW: no checkpoint of the last minutes. Is a worker running?"
            )
            return UNTOLD
        self.stdout.write("SOUND.")
        return FINE


def _verifier(path: Path | None) -> Verifier:
    try:
        text = path.read_text() if path else settings.LATCHKEY_AUDIT_PUBLIC_KEYS
        return Verifier.parse(text)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", returncode=UNTOLD) from None
    except BadKeyring as error:
        where = path or "LATCHKEY_AUDIT_PUBLIC_KEYS"
        raise CommandError(f"{where}: {error}. Give --keys.", returncode=UNTOLD) from None


def _default_witness() -> Path | None:
    parts = urlsplit(settings.LATCHKEY_CHECKPOINT_LOG)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
