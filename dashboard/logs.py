"""Log lines as JSON, of allowed fields only: what is not listed here cannot leak through a log file."""

import logging.config
from typing import TYPE_CHECKING, Any

import structlog
from django_structlog.middlewares import RequestMiddleware

if TYPE_CHECKING:
    from django.http import HttpRequest
    from structlog.typing import EventDict, Processor, WrappedLogger

ALLOWED = frozenset(
    [
        "action",
        "attempt",
        "audit_event",
        "cause",
        "client_id",
        "code",
        "count",
        "duration_ms",
        "endpoint",
        "environment",
        "event",
        "exception",
        "fault",
        "key",
        "kind",
        "level",
        "logger",
        "name",
        "notice",
        "organization",
        "outcome",
        "path",
        "reason",
        "request",
        "request_id",
        "role",
        "said",
        "secret_id",
        "signal",
        "state",
        "status",
        "task",
        "task_id",
        "team",
        "test",
        "timestamp",
        "user_id",
        "worker",
    ]
)
# Parts of an address that open something by themselves.
ONE_TIME_PARTS = frozenset({"token", "key", "uidb36", "handover"})


def allow_listed(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    return {name: value for name, value in event.items() if name in ALLOWED or name.startswith("_")}


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's, without the parts of an address that nobody else may learn."""

    @staticmethod
    def format_request(request: "HttpRequest") -> str:
        path = request.path
        match = request.resolver_match
        for part, value in match.kwargs.items() if match else ():
            if part in ONE_TIME_PARTS:
                path = path.replace(str(value), f"<{part}>")
        return f"{request.method} {path}"


SHARED: "list[Processor]" = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(*, colours: bool) -> dict[str, Any]:
    last = structlog.dev.ConsoleRenderer() if colours else structlog.processors.JSONRenderer()
    processors = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        allow_listed,
        last,
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": processors,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # The middleware above says the same in one line.
            "django.request": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


def configure(config: dict[str, Any]) -> None:
    """What Django calls at the start, in every process."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
